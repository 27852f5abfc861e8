package ksef_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"ksefworker/internal/ksef"
)

const signaturePart = "SiGnAtUrE"

func TestPartUpload_Printed_ShowsNoAddress(t *testing.T) {
	p := ksef.PartUpload{
		Ordinal: 1, Method: "PUT", URL: "https://s.test/?sig=" + signaturePart,
		Headers: []ksef.Header{{Name: "x", Value: signaturePart}},
	}
	batch := ksef.OpenedBatch{ID: "b", PartUploads: []ksef.PartUpload{p}}
	for _, v := range []any{p, &p, batch} {
		for _, text := range []string{
			fmt.Sprint(v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%q", v),
			string(must(json.Marshal(v))),
		} {
			if strings.Contains(text, signaturePart) {
				t.Errorf("the signature of the part's address shows in %q", text)
			}
		}
	}
}
