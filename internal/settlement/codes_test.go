package settlement

import (
	"slices"
	"strings"
	"testing"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

func TestOutcomeOf_EachCodeOfKSeF_HasItsOutcome(t *testing.T) {
	for _, c := range []struct {
		code int
		want outcome
		why  string
	}{
		{0, toPark, "no code at all: nobody knows, so a person looks"},
		{-1, toPark, "a code that cannot be"},
		{1, toWait, "below 200 is still running, even a code that is not published"},
		{100, toWait, "accepted for processing"},
		{150, toWait, "processing"},
		{199, toWait, "below 200 to the last"},
		{200, toAccept, "it has its number"},
		{201, toPark, "not 200: it may be a success of a new kind, or not"},
		{400, toPark, "not published for invoices"},
		{405, toResend, "cancelled because its session failed"},
		{410, toPark, "wrong scope: somebody has to give the permission"},
		{411, toPark, "not published"},
		{415, toPark, "attachments are not allowed: somebody has to ask for permission"},
		{430, toReject, "the file is at fault"},
		{435, toResend, "not decrypted: the key was stale"},
		{440, toDuplicate, "KSeF has one of this identity"},
		{450, toReject, "the content is at fault"},
		{500, toResend, "KSeF's own fault"},
		{550, toResend, "cancelled by the system, to be sent again"},
		{999, toPark, "a code of the future: never polled for ever, never sent on a guess"},
	} {
		got := outcomeOf(ksef.StatusInfo{Code: c.code})
		if got != c.want {
			t.Errorf("code %d, %s: the outcome is %s, want %s", c.code, c.why, got, c.want)
		}
		// The outcomes in this list stand whatever becomes of the session.
		if want := slices.Contains([]outcome{toAccept, toReject, toPark, toDuplicate}, c.want); got.decided() != want {
			t.Errorf("code %d: the outcome counts as decided: %v, want %v", c.code, got.decided(), want)
		}
	}
}

func TestOutcomeOf_EveryPublishedCodeIsInTheTable_AndNoUnknownOneIsSentOrAccepted(t *testing.T) {
	for code := -1000; code <= 2000; code++ {
		got := outcomeOf(ksef.StatusInfo{Code: code})
		if _, known := ksef.InvoiceMeaning(code); known {
			continue
		}
		if want := map[bool]outcome{true: toWait, false: toPark}[code > 0 && code < 200]; got != want {
			t.Errorf("unknown code %d: the outcome is %s, want %s", code, got, want)
		}
	}
}

func TestExplain_IsKSeFsOwnWords(t *testing.T) {
	for _, c := range []struct {
		what string
		s    ksef.StatusInfo
		want string
	}{
		{"description and details", ksef.StatusInfo{Code: 450, Description: "Błąd weryfikacji", Details: "P_15"},
			"Błąd weryfikacji: P_15"},
		{"description alone", ksef.StatusInfo{Code: 450, Description: "Błąd weryfikacji"}, "Błąd weryfikacji"},
		{"neither description nor details: what the code means", ksef.StatusInfo{Code: 450}, "semantic verification failed"},
		{"details alone: what the code means goes before", ksef.StatusInfo{Code: 450, Details: "P_15"},
			"semantic verification failed: P_15"},
		{"details of a code that nobody knows", ksef.StatusInfo{Code: 999, Details: "P_15"}, "P_15"},
		{"nothing at all", ksef.StatusInfo{Code: 999}, ""},
	} {
		if got := explain(c.s); got != c.want {
			t.Errorf("%s: the explanation is %q, want %q", c.what, got, c.want)
		}
	}
}

func TestParkReason_TellsThePersonWhatToDo(t *testing.T) {
	for code, want := range map[int]string{410: "give the account the permission, then retry",
		415: "ask the Ministry for permission to send attachments, then retry",
		999: "retry: that is safe, because KSeF answers 440 if it has the invoice", 0: "retry: that is safe"} {
		got := parkReason(&ledger.Invoice{}, ksef.StatusInfo{Code: code, Description: "Opis"})
		if !strings.Contains(got, want) || !strings.Contains(got, "Opis") {
			t.Errorf("code %d: the reason is %q, want it to say Opis and %q", code, got, want)
		}
	}
	if got := parkReason(&ledger.Invoice{}, ksef.StatusInfo{Code: 999, Description: "Opis"}); !strings.Contains(got, "999") {
		t.Errorf("the reason %q does not name the unknown code", got)
	}
}

func TestWrongNumber_OnlyANumberOfThisSellerWithARightChecksumIsTaken(t *testing.T) {
	number := func(first32 string) string {
		const hex = "0123456789ABCDEF"
		c := invoice.KsefChecksum(first32)
		return first32 + "-" + string([]byte{hex[c>>4], hex[c&15]})
	}
	good := number("5265877635-20250826-0100001AF629")
	if good != "5265877635-20250826-0100001AF629-AF" {
		t.Fatalf("with its checksum, the published example is %s, want it to end with AF", good)
	}
	for _, c := range []struct {
		what, number, want string
	}{
		{"the published example", good, ""},
		{"the same written as KSeF 1.0 did", "5265877635-20250826-010000-1AF629-AF", ""},
		{"no number at all", "", "is not a KSeF number"},
		{"a wrong checksum", "5265877635-20250826-0100001AF629-AE", "checksum must be AF"},
		{"a digit that was changed", "5265877635-20250826-0100001AF628-AF", "checksum"},
		{"another seller", number("1111111111-20250826-0100001AF629"), "belongs to seller 1111111111, not 5265877635"},
		{"cut off", good[:34], "is not a KSeF number"},
		{"small letters", strings.ToLower(good), "is not a KSeF number"},
		{"a day that is not in the calendar", number("5265877635-20250231-0100001AF629"), "is not a KSeF number"},
		{"blanks around it", " " + good, "is not a KSeF number"},
	} {
		got := wrongNumber(&ledger.Invoice{Facts: ledger.Facts{NIP: "5265877635"}}, c.number)
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: wrongNumber says %q, want %q in it, or nothing if that is empty", c.what, got, c.want)
		}
	}
}
