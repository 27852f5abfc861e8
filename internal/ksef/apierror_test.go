package ksef_test

import (
	"strings"
	"testing"

	"ksefworker/internal/ksef"
)

// What is wrong with a session is told in full; what is wrong with an invoice may quote it.
func TestAPIError_Details_AreToldWhereTheRequestCarriesNoInvoice(t *testing.T) {
	for group, told := range map[ksef.Group]bool{ksef.GroupBatchSession: true, ksef.GroupOnlineSession: true, ksef.GroupOnlineSessionClose: true,
		ksef.GroupBatchSessionClose: true, ksef.GroupInvoiceSend: false, ksef.GroupValidate: false, ksef.GroupBoxUploadInvoice: false} {
		e := &ksef.APIError{Op: "x", Kind: ksef.KindRefused, Status: 400, Code: 21405, Description: "Błąd walidacji", Details: "formCode.systemCode: zła wartość", Group: group}
		if got := e.Error(); strings.Contains(got, e.Details) != told {
			t.Errorf("%s: %s", group, got)
		}
		if got := e.Words(); !strings.Contains(got, e.Description+": "+e.Details) {
			t.Errorf("%s, words: %s", group, got)
		}
	}
}
