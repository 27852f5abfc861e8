package strictjson

import (
	"bytes"
	"strings"
	"testing"
)

func TestDecode_BodyOutsideTheContract_IsRefused(t *testing.T) {
	type inner struct {
		N int32 `json:"n"`
	}
	type shape struct {
		Name string  `json:"name"`
		Data Octets  `json:"data"`
		List []inner `json:"list"`
		Flag bool    `json:"flag"`
		Note string  `json:"note,omitempty"`
	}
	good := `{"name":"a","data":"AAE=","list":[{"n":1}],"flag":false,"note":"x"}`
	for name, c := range map[string]struct{ body, fault string }{
		"all fields":                        {good, ""},
		"an optional field left out":        {strings.Replace(good, `,"note":"x"`, "", 1), ""},
		"an optional field null":            {strings.Replace(good, `"note":"x"`, `"note":null`, 1), ""},
		"a required field left out":         {strings.Replace(good, `,"flag":false`, "", 1), `lacks the required field "flag"`},
		"a required field null":             {strings.Replace(good, `"flag":false`, `"flag":null`, 1), `lacks the required field "flag"`},
		"a nested required field left out":  {strings.Replace(good, `{"n":1}`, `{}`, 1), `body.list[0] lacks the required field "n"`},
		"an unknown field":                  {strings.Replace(good, `"note"`, `"nota"`, 1), `unknown field "nota"`},
		"a field name in another case":      {strings.Replace(good, `"name"`, `"Name"`, 1), `unknown field "Name"`},
		"a field twice":                     {strings.Replace(good, `"note":"x"`, `"flag":true`, 1), "twice"},
		"a string for a number":             {strings.Replace(good, `"n":1`, `"n":"1"`, 1), "read body"},
		"a number beyond int32":             {strings.Replace(good, `"n":1`, `"n":2147483648`, 1), "read body"},
		"Base64 without padding":            {strings.Replace(good, "AAE=", "AAE", 1), "padding"},
		"Base64 in the URL-safe alphabet":   {strings.Replace(good, "AAE=", "-_8=", 1), "standard alphabet"},
		"Base64 with nonzero trailing bits": {strings.Replace(good, "AAE=", "AAF=", 1), "Base64"},
		"Base64 with a line break":          {strings.Replace(good, "AAE=", `AA\nE=`, 1), "line breaks"},
		"a list instead of an object":       {`[]`, "not a JSON object"},
		"an empty body":                     {``, "not a JSON object"},
		"two objects":                       {good + good, "followed by more data"},
		"an object that never ends":         {good[:len(good)-1], "not valid JSON"},
		"text that is not UTF-8":            {strings.Replace(good, `"a"`, "\"\xff\"", 1), "UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			var into shape
			err := Decode([]byte(c.body), &into)
			if c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
				t.Errorf("the error of Decode is %v, want %q in it, or no error if that is empty", err, c.fault)
			}
			if err == nil && (into.Name != "a" || !bytes.Equal(into.Data, []byte{0, 1}) || into.List[0].N != 1) {
				t.Errorf("Decode read %+v, want all the values of the body", into)
			}
		})
	}
}

func FuzzDecode_AnyBytes_NeverPanics(f *testing.F) {
	f.Add([]byte(`{"sessionId":"a","encrypted":{"invoiceSize":1,"invoiceHash":"AAE=","encryptedInvoice":"AAE="}}`))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		var into struct {
			SessionID string   `json:"sessionId"`
			Encrypted []Octets `json:"encrypted"`
			Range     struct {
				From Timestamp `json:"from"`
			} `json:"range,omitempty"`
		}
		_ = Decode(raw, &into)
	})
}
