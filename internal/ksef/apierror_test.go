package ksef_test

import (
	"strings"
	"testing"

	"ksefworker/internal/ksef"
)

// The details of a session's error are safe to show. Those of an invoice's error may quote the
// invoice.
func TestAPIError_Details_AreShownOnlyWhenTheRequestCarriesNoInvoice(t *testing.T) {
	for group, shown := range map[ksef.Group]bool{
		ksef.GroupBatchSession: true, ksef.GroupBatchSessionClose: true,
		ksef.GroupOnlineSession: true, ksef.GroupOnlineSessionClose: true,
		ksef.GroupLogin: true, ksef.GroupLoginSessions: true, ksef.GroupCertificates: true, ksef.GroupTokens: true,
		ksef.GroupInvoiceSend: false, ksef.GroupValidate: false, ksef.GroupBoxUploadInvoice: false,
	} {
		e := &ksef.APIError{
			Op: "x", Kind: ksef.KindRefused, Status: 400, Code: 21405, Description: "Błąd walidacji",
			Details: "formCode.systemCode: zła wartość", Group: group,
		}
		if got := e.Error(); strings.Contains(got, e.Details) != shown {
			t.Errorf("an error of group %s reads %s; want KSeF's details only where the request carries no invoice", group, got)
		}
		if got := e.Words(); !strings.Contains(got, e.Description+": "+e.Details) {
			t.Errorf("the words of an error of group %s are %s, want KSeF's description and details", group, got)
		}
	}
}
