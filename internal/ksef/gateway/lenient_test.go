package gateway_test

import (
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/gateway"
)

// One odd field of one invoice must not hide the other 9,999.
func TestSessionInvoices_OddFieldsOfAnEntry_TheOthersAreRead(t *testing.T) {
	for _, c := range []struct {
		why, entry string
		unreadable bool
		want       ksef.InvoiceInfo
	}{
		{"a date with +0100",
			`{"status":{"code":200},"invoiceNumber":"A","ksefNumber":"K","acquisitionDate":"2026-11-23T10:00:00+0100"}`, false,
			ksef.InvoiceInfo{InvoiceNumber: "A", KSeFNumber: "K"}},
		{"a date that is not a date", `{"status":{"code":200},"invoiceNumber":"A","ksefNumber":"K","acquisitionDate":{"at":1}}`, false,
			ksef.InvoiceInfo{InvoiceNumber: "A", KSeFNumber: "K"}},
		{
			"the invoice number as a JSON number", `{"status":{"code":200},"invoiceNumber":17,"ksefNumber":"K"}`, false,
			ksef.InvoiceInfo{InvoiceNumber: "17", KSeFNumber: "K"},
		},
		{
			"the invoice number as a list", `{"status":{"code":200},"invoiceNumber":["A"],"ksefNumber":"K"}`, false,
			ksef.InvoiceInfo{KSeFNumber: "K"},
		},
		{"the ordinal as a string", `{"ordinal":"7","status":{"code":200},"invoiceNumber":"A","ksefNumber":"K"}`, false,
			ksef.InvoiceInfo{Ordinal: 7, InvoiceNumber: "A", KSeFNumber: "K"}},
		{"the ordinal as a word", `{"ordinal":"seven","status":{"code":200},"invoiceNumber":"A","ksefNumber":"K"}`, false,
			ksef.InvoiceInfo{InvoiceNumber: "A", KSeFNumber: "K"}},
		{
			"the code as a string", `{"status":{"code":"200"},"invoiceNumber":"A","ksefNumber":"K"}`, false,
			ksef.InvoiceInfo{InvoiceNumber: "A", KSeFNumber: "K"},
		},
		{
			"the code as 200.0", `{"status":{"code":200.0},"invoiceNumber":"A","ksefNumber":"K"}`, false,
			ksef.InvoiceInfo{InvoiceNumber: "A", KSeFNumber: "K"},
		},
		{"extensions as an object",
			`{"status":{"code":200,"extensions":{"originalKsefNumber":"O"}},"invoiceNumber":"A","ksefNumber":"K"}`, false,
			ksef.InvoiceInfo{InvoiceNumber: "A", KSeFNumber: "K"}},
		{
			"the mode as an object", `{"status":{"code":200},"invoiceNumber":"A","ksefNumber":"K","invoicingMode":{}}`,
			false, ksef.InvoiceInfo{InvoiceNumber: "A", KSeFNumber: "K"},
		},
		{"no code", `{"status":{"description":"x"},"invoiceNumber":"A"}`, true, ksef.InvoiceInfo{InvoiceNumber: "A"}},
		{"the code as a word", `{"status":{"code":"accepted"},"invoiceNumber":"A"}`, true, ksef.InvoiceInfo{InvoiceNumber: "A"}},
		{"the status as a word", `{"status":"accepted","invoiceNumber":"A"}`, true, ksef.InvoiceInfo{InvoiceNumber: "A"}},
		{"no status", `{"invoiceNumber":"A"}`, true, ksef.InvoiceInfo{InvoiceNumber: "A"}},
		{"null", `null`, true, ksef.InvoiceInfo{}},
		{"a word", `"accepted"`, true, ksef.InvoiceInfo{}},
	} {
		t.Run(c.why, func(t *testing.T) {
			body := `{"invoices":[{"status":{"code":450},"invoiceNumber":"B"},` + c.entry +
				`,{"status":{"code":200},"invoiceNumber":"C","ksefNumber":"L"}]}`
			client, _ := serve(t, answers(200, "application/json", body))
			all, err := client.SessionInvoices(soon(t), "s")
			if err != nil || len(all) != 3 {
				t.Fatalf("the list has %d entries, error %v, want 3", len(all), err)
			}
			if all[0].InvoiceNumber != "B" || all[0].Status.Code != 450 || all[2].KSeFNumber != "L" {
				t.Errorf("the entries beside the odd one are %+v and %+v, want them read in full", all[0], all[2])
			}
			got := all[1]
			if (got.Unreadable != "") != c.unreadable {
				t.Errorf("the odd entry's Unreadable is %q, want a reason in it: %v", got.Unreadable, c.unreadable)
			}
			if got.InvoiceNumber != c.want.InvoiceNumber || got.KSeFNumber != c.want.KSeFNumber || got.Ordinal != c.want.Ordinal {
				t.Errorf("the odd entry is read as %+v, want the numbers and the ordinal of %+v", got, c.want)
			}
			if !c.unreadable && got.Status.Code != 200 {
				t.Errorf("the odd entry's status has code %d, want 200", got.Status.Code)
			}
		})
	}
}

func TestOriginal_ExtensionsAsAnObject_StillNameTheOriginal(t *testing.T) {
	body := `{"invoices":[{"status":{"code":440,"extensions":
		{"originalKsefNumber":"O","originalSessionReferenceNumber":"S"}},"invoiceNumber":"A"}]}`
	client, _ := serve(t, answers(200, "application/json", body))
	all, err := client.SessionInvoices(soon(t), "s")
	if err != nil {
		t.Fatal(err)
	}
	if number, session, ok := all[0].Original(); number != "O" || session != "S" || !ok {
		t.Errorf("the original is number %q, session %q, found %v, want O and S", number, session, ok)
	}
}

// A page of the register with two odd entries still lists the good one, and all that can be read of
// the odd ones.
func TestMetadata_OddFieldOfAnEntry_TheOthersAreRead(t *testing.T) {
	body := `{"hasMore":false,"isTruncated":false,"invoices":[
		{"ksefNumber":"K","invoiceNumber":5,"grossAmount":"1,5","seller":"x","issueDate":7},7,
		{"ksefNumber":"L","invoiceNumber":"B"}]}`
	client, _ := serve(t, answers(200, "application/json", body))
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	page, err := client.Metadata(soon(t), ksef.MetadataRequest{SubjectType: ksef.Subject1, Range: ksef.Between(noon, noon), PageSize: 10})
	if err != nil || len(page.Invoices) != 3 {
		t.Fatalf("the page is %+v, error %v, want 3 entries", page, err)
	}
	if page.Invoices[0].InvoiceNumber != "5" || page.Invoices[2].KSeFNumber != "L" {
		t.Errorf("the entries are %+v, want the first and the third read", page.Invoices)
	}
}

// An unreadable status is still an answer of the gateway, so it must not count as an outage.
func TestSessionStatus_UnreadableCode_IsReportedAndIsNoOutage(t *testing.T) {
	gate := &recordingGate{}
	rec := answers(200, "application/json", `{"sessionInfo":{"status":{"code":"done"},"invoiceCount":"7"}}`)
	client, _ := serve(t, rec, func(o *gateway.Options) { o.Gate = gate })
	_, err := client.SessionStatus(soon(t), "s")
	e := apiError(t, err)
	text := e.Error()
	if e.Kind != ksef.KindUnreadable || !strings.Contains(text, "answer not understood") || !strings.Contains(text, "status code") {
		t.Errorf("the error is %v, want KindUnreadable that names the status code", e)
	}
	if len(gate.left) != 1 || gate.left[0].Outage || gate.left[0].Err == nil {
		t.Errorf("the gate was told the outcomes %+v, want one error that is no outage", gate.left)
	}
}

func TestSessionInfo_OddCounts_AreReadAndAMissingOneIsNotZero(t *testing.T) {
	for body, want := range map[string]ksef.SessionInfo{
		`{"status":{"code":200},"invoiceCount":5,"successfulInvoiceCount":3,"failedInvoiceCount":2}`: {
			InvoiceCount: 5, SuccessfulInvoiceCount: 3, FailedInvoiceCount: 2, Counted: true,
		},
		`{"status":{"code":200},"invoiceCount":"5"}`:                {InvoiceCount: 5, Counted: true},
		`{"status":{"code":200},"invoiceCount":0}`:                  {Counted: true},
		`{"status":{"code":200}}`:                                   {},
		`{"status":{"code":200},"invoiceCount":"many"}`:             {},
		`{"status":{"code":200},"invoiceCount":null,"batch":"yes"}`: {},
	} {
		client, _ := serve(t, answers(200, "application/json", `{"sessionInfo":`+body+`}`))
		got, err := client.SessionStatus(soon(t), "s")
		want.Status.Code = 200
		tallied := want.SuccessfulInvoiceCount > 0 || body == `{"status":{"code":200},"invoiceCount":0}`
		if err != nil || got.InvoiceCount != want.InvoiceCount || got.Counted != want.Counted || got.Tallied() != tallied {
			t.Errorf("the status %s is read as %+v, error %v, want %d invoices, counted %v, tallied %v",
				body, got, err, want.InvoiceCount, want.Counted, tallied)
		}
	}
}

// Each open element takes fifty bytes of memory, but only three bytes of text. So a document whose
// elements are nested too deep is refused before it fills the memory.
func TestSessionUPO_ElementsWithoutAnEnd_AreNotRead(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }
	for n, taken := range map[int]bool{100: true, 10_000: false} {
		client, _ := serve(t, answers(200, "text/xml", deep(n)))
		raw, err := client.SessionUPO(soon(t), "s")
		if taken != (err == nil) || taken != (len(raw) > 0) {
			t.Errorf("a receipt of %d elements inside each other gave %d bytes, error %v, want it accepted: %v", n, len(raw), err, taken)
		}
		if !taken && !strings.Contains(err.Error(), "nested deeper than 200") {
			t.Errorf("the error is %v, want it to say that elements are nested deeper than 200", err)
		}
	}
}

// Each flag is read in any known form. Without a readable hasMore, a full page counts as a sign
// that there is a further page.
func TestMetadata_OddFlags_ThePageIsReadAndTellsWhetherThereIsMore(t *testing.T) {
	for _, c := range []struct {
		flags           string
		more, truncated bool
	}{
		{`"hasMore":true,"isTruncated":false`, true, false},
		{`"hasMore":"true","isTruncated":"True"`, true, true},
		{`"hasMore":"false","isTruncated":"false"`, false, false},
		{`"hasMore":1,"isTruncated":0`, true, false},
		{`"hasMore":"0","isTruncated":"1"`, false, true},
		{`"hasMore":false`, false, false},
		{`"hasMore":null,"isTruncated":null`, true, false}, // the page is full: two of two
		{`"hasMore":"perhaps","isTruncated":{}`, true, false},
		{`"total":2`, true, false},
	} {
		client, _ := serve(t, answers(200, "application/json", `{`+c.flags+`,"invoices":[{"invoiceNumber":"A"},{"invoiceNumber":"B"}]}`))
		noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		ask := ksef.MetadataRequest{SubjectType: ksef.Subject1, Range: ksef.Between(noon, noon), PageSize: 2}
		got, err := client.Metadata(soon(t), ask)
		if err != nil || len(got.Invoices) != 2 || got.HasMore != c.more || got.IsTruncated != c.truncated {
			t.Errorf("with the flags %s the page has %d invoices, more %v, truncated %v, error %v, want 2, %v, %v and none",
				c.flags, len(got.Invoices), got.HasMore, got.IsTruncated, err, c.more, c.truncated)
		}
	}
	client, _ := serve(t, answers(200, "application/json", `{"hasMore":"perhaps","invoices":[{"invoiceNumber":"A"}]}`))
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	ask := ksef.MetadataRequest{SubjectType: ksef.Subject1, Range: ksef.Between(noon, noon), PageSize: 2}
	if got, err := client.Metadata(soon(t), ask); err != nil || got.HasMore {
		t.Errorf("a half-full page without a readable hasMore is %+v, error %v, want no further page", got, err)
	}
}
