package retry

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
)

// The text that the queue keeps of an error has no word of KSeF's, wherever in the error the words
// are. It keeps the verdict, the code and our own words. Withheld returns the words that are
// missing.
func TestForQueue_KSeFQuotesAnInvoice_TheQueueHasNoWordOfIt(t *testing.T) {
	const planted = "Nabywca Zenobiusz Plantowany 987654.32"
	refused := &ksef.APIError{Op: "open batch session", Kind: ksef.KindRefused, Status: 400, Code: 21405,
		Group: ksef.GroupBatchSession, Description: planted, Details: planted + " again", Trace: planted}
	for name, err := range map[string]error{
		"alone":        refused,
		"wrapped":      fmt.Errorf("package pkg-1: %w", refused),
		"joined":       errors.Join(errors.New("first"), fmt.Errorf("second: %w", refused)),
		"waiting":      &LaterError{Reason: ReasonRefused, What: "package pkg-1", Err: refused},
		"said":         &LaterError{Reason: ReasonProcessing, What: "session is 199", Said: planted},
		"in its words": &quoting{refused},
		"nested":       &ksef.APIError{Op: "send invoice", Kind: ksef.KindLocal, Err: fmt.Errorf("log in: %w", refused)},
		"forbidden": &ksef.APIError{Op: "send invoice", Kind: ksef.KindUnauthorized, Status: 403, Reason: planted,
			Permissions: planted, Advice: planted},
		"unreadable": &ksef.APIError{Op: "send invoice", Kind: ksef.KindUnreadable, Err: errors.New(planted)},
		"network":    &ksef.APIError{Op: "send invoice", Kind: ksef.KindNetwork, Err: errors.New("malformed HTTP response " + planted)},
	} {
		told := WithVerdict(err)
		queued := ForQueue(told)
		if text := queued.Error(); strings.Contains(text, "Plantowany") || !strings.Contains(text, ksef.DetailsInLog) {
			t.Errorf("%s: the queue keeps %q, want a hint at the log in place of KSeF's words", name, text)
		}
		if Judge(queued) != Judge(err) {
			t.Errorf("%s: the verdict is %+v, want %+v", name, Judge(queued), Judge(err))
		}
		if _, _, ok := ParseVerdict(queued.Error()); !ok {
			t.Errorf("%s: %q has no verdict", name, queued)
		}
		said := Withheld(queued)
		if !strings.Contains(said, planted) || Told(queued.Error(), said) != said {
			t.Errorf("%s: a person reads %q, want KSeF's words", name, Told(queued.Error(), said))
		}
	}
}

// quoting is an error that repeats the cause's words in a form of its own.
type quoting struct{ cause *ksef.APIError }

func (q *quoting) Error() string { return "it says <" + q.cause.Description + ">" }
func (q *quoting) Unwrap() error { return q.cause }

func TestForQueue_OurOwnWords_AllStay(t *testing.T) {
	for _, err := range []error{
		errors.New("disk full"),
		&LaterError{Reason: ReasonArchive, What: "the archive", Err: errors.New("no answer")},
		&ksef.APIError{Op: "open batch session", Kind: ksef.KindRefused, Status: 400, Code: 21405},
		&ksef.APIError{Op: "open batch session", Kind: ksef.KindGated, Err: &ratelimit.NotNow{Reason: ratelimit.ReasonLimit}},
		&ksef.APIError{Op: "send invoice", Kind: ksef.KindNetwork, Unconnected: true, Err: errors.New("connection refused")},
	} {
		told := WithVerdict(err)
		if queued := ForQueue(told); queued.Error() != told.Error() || Withheld(queued) != "" {
			t.Errorf("%q becomes %q, want it unchanged and nothing withheld", told, queued)
		}
	}
	if ForQueue(nil) != nil {
		t.Error("ForQueue of nil is an error")
	}
}
