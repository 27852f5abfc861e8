package page

import (
	"strings"

	"ksefworker/internal/actions"
	"ksefworker/internal/explain"
	"ksefworker/internal/ledger"
	"ksefworker/internal/report"
	"ksefworker/internal/results"
)

// The program writes its reasons in English, and KSeF its words in Polish. A page shows KSeF's
// words as they are, and a reason of the program in the visitor's language. If a reason has no
// Polish form, a Polish page shows what the table of package explain says instead. So a Polish page
// has an English reason of the program only in the record for the people who run the program.

// saying is a reason, as a page shows it.
type saying struct {
	Text string   // "": only the words of the table are shown
	Lang Language // of the text, where it is not the page's; "" otherwise
}

// Said returns what the program wrote, in the visitor's language. It returns "" when the text is
// not known in that language.
func (v sayings) Said(text string) string {
	said, _ := explain.Say(v.Lang, text)
	return said
}

// reasonOf returns the reason of an invoice.
func (v sayings) reasonOf(r *results.Result) saying {
	_, parks := explain.ByText(explain.Parked, r.Reason)
	_, receipt := explain.ByText(explain.Receipt, r.Reason)
	words := !parks && !receipt && r.Code != 0 && r.State != string(ledger.Dismissed) // KSeF's
	if v.Lang != explain.Polish {
		if words {
			return saying{r.Reason, explain.Polish}
		}
		return saying{r.Reason, ""}
	}
	if said, ok := explain.Say(v.Lang, r.Reason); ok {
		return saying{said, ""}
	}
	if words || strings.HasPrefix(r.Reason, "dismissed ") {
		return saying{r.Reason, ""}
	}
	return saying{}
}

// refusalOf returns why a document was not taken in. It names each fault with its field, its place
// and its value.
func (v sayings) refusalOf(r *ledger.Refusal) saying {
	if v.Lang != explain.Polish {
		return saying{results.RefusalReason(r), ""}
	}
	return saying{explain.PolishFaults(report.Faults(r), r.More), ""}
}

// Record is the reason as the program wrote it, where the page says it in other words; otherwise
// "".
func (v sayings) Record(r results.Result) string {
	if v.Lang != explain.Polish || v.reasonOf(&r).Text == r.Reason {
		return ""
	}
	return r.Reason
}

// whyNot says why something that a person asked for was not done. text is what the audit log has
// about it.
func (v sayings) whyNot(text string) string {
	cause, _, _ := strings.Cut(text, ":")
	switch c := actions.Cause(cause); c {
	case actions.NotKept, actions.NumberInUse, actions.WrongState, actions.Moved, actions.Ended, actions.Has,
		actions.Unchecked:
		return v.T(notDone(&actions.NotDoneError{Cause: c}))
	}
	if v.Lang != explain.Polish {
		return text
	}
	return v.T("an error; see the log")
}
