package ksef_test

import (
	"encoding/json"
	"testing"
	"time"

	"ksefworker/internal/ksef"
)

func TestStatus_EveryCode_IsRunningDoneOrFailed(t *testing.T) {
	for code, want := range map[int]string{
		0: "none", 100: "processing", 150: "processing", 170: "processing", 199: "processing", 200: "done",
		405: "failed", 410: "failed", 415: "failed", 420: "failed", 430: "failed", 435: "failed", 440: "failed",
		445: "failed", 450: "failed",
		500: "failed", 550: "failed", 777: "failed",
	} {
		s := ksef.StatusInfo{Code: code}
		got := ""
		for name, is := range map[string]bool{"processing": s.Processing(), "done": s.Done(), "failed": s.Failed()} {
			if is {
				got += name
			}
		}
		if got != want && (want != "none" || got != "") {
			t.Errorf("code %d is %q, want %q", code, got, want)
		}
		if s.SendAgain() != (code == 500 || code == 550) {
			t.Errorf("for code %d SendAgain returns %v, want the opposite", code, s.SendAgain())
		}
	}
}

func TestMeanings_EveryPublishedCode_HasOne(t *testing.T) {
	for name, tc := range map[string]struct {
		of    func(int) (string, bool)
		codes []int
	}{
		"invoice": {ksef.InvoiceMeaning, []int{100, 150, 200, 405, 410, 415, 430, 435, 440, 450, 500, 550}},
		"online":  {ksef.OnlineSessionMeaning, []int{100, 170, 200, 415, 440, 445}},
		"batch":   {ksef.BatchSessionMeaning, []int{100, 150, 200, 405, 415, 420, 430, 435, 440, 445, 500}},
	} {
		known := map[int]bool{}
		for _, code := range tc.codes {
			known[code] = true
		}
		for code := range 1000 {
			if text, ok := tc.of(code); ok != known[code] || ok == (text == "") {
				t.Errorf("the meaning of %s code %d is %q, known %v, want one for published codes only", name, code, text, ok)
			}
		}
	}
}

func TestOriginal_NamesTheInvoiceOfADuplicate(t *testing.T) {
	var i ksef.InvoiceInfo
	raw := `{"code":440,"description":["a","b"],"details":{"x":1},"extensions":[` +
		`{"key":"originalKsefNumber","value":"K"},{"key":"originalSessionReferenceNumber","value":7}]}`
	if err := json.Unmarshal([]byte(raw), &i.Status); err != nil {
		t.Fatal(err)
	}
	if number, session, ok := i.Original(); number != "K" || session != "7" || !ok {
		t.Errorf("the original is number %q, session %q, found %v, want K and 7", number, session, ok)
	}
	if i.Status.Description != "a; b" || i.Status.Details != `{"x":1}` {
		t.Errorf("the status is %+v, want the texts of its description and details joined", i.Status)
	}
	if _, _, ok := (ksef.InvoiceInfo{}).Original(); ok {
		t.Error("Original finds an original for an invoice that names none")
	}
}

func TestTime_EveryFormThatGatewaysWrite_IsRead(t *testing.T) {
	noon := time.Date(2026, 9, 14, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		`"2026-09-14T12:00:00Z"`: noon, `"2026-09-14T14:00:00+02:00"`: noon, `"2026-09-14T12:00:00"`: noon,
		`"2026-09-14T12:00"`: noon, `"2026-09-14T12:00Z"`: noon, `"2026-09-14T13:00:00.000+0100"`: noon,
		`"2026-09-14 12:00:00"`: noon, `"2026-09-14T12:00:00.123456789Z"`: noon.Add(123456789),
		`"2026-09-14T12:00:00.5"`: noon.Add(500 * time.Millisecond),
		`"2026-09-14"`:            noon.Add(-12 * time.Hour), `null`: {}, `""`: {},
	} {
		var got ksef.Time
		if err := json.Unmarshal([]byte(text), &got); err != nil || !got.Equal(want) {
			t.Errorf("the time %s is read as %v (error %v), want %v", text, got, err, want)
		}
	}
	for _, text := range []string{`"yesterday"`, `12`, `{}`, `"2026-13-01"`} {
		var got ksef.Time
		if err := json.Unmarshal([]byte(text), &got); err != nil || !got.IsZero() {
			t.Errorf("the text %s is read as %v (error %v), want the zero Time", text, got, err)
		}
	}
	if raw := must(json.Marshal(ksef.Time{Time: noon})); string(raw) != `"2026-09-14T12:00:00Z"` {
		t.Errorf("noon is written as %s, want UTC with a Z", raw)
	}
	if raw := must(json.Marshal(ksef.Time{})); string(raw) != `null` {
		t.Errorf("the zero Time is written as %s, want null", raw)
	}
}
