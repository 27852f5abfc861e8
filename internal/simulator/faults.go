package simulator

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Fault orders one failure. In a script (JSON or YAML) the fields have the lower-case names of the
// tags.
type Fault struct {
	// On is the operation. "any" or "" means every operation. An operation of the gateway's and of
	// the Ministry's API goes by the same name in both. For the kinds that concern a session or an
	// invoice, On restricts only the lane. openOnline and send restrict the fault to the online
	// lane, openBatch and part to the batch lane.
	//
	// The operations of the gateway are openBatch, openOnline, part, close, send, sessionStatus,
	// invoices, upo, publicKey, invoiceStatus, invoiceGet, validate, generate, links, visualize,
	// upoVisualize, metadata, queryStart, queryStatus, queryResult, boxUploadInvoice,
	// boxInvoiceStatus, boxUploadBatch, boxBatchStatus, boxDownload and boxDownloadStatus.
	//
	// Only the Ministry's API has challenge, loginXades, loginToken, loginStatus, redeem, refresh,
	// loginSessions, loginRevoke, failed, invoiceUpo, download, sessionList, rateLimits,
	// contextLimits, subjectLimits, certificateLimits, certificateData, certificateEnrol,
	// certificateStatus, certificateRetrieve, certificateRevoke, certificateQuery, tokenCreate,
	// tokenList, tokenStatus, tokenRevoke and testData.
	On string `yaml:"on" json:"on,omitempty"`
	// Kind is one of Kinds.
	Kind string `yaml:"kind" json:"kind"`
	// Skip is how many matching events pass before the fault can hit.
	Skip int `yaml:"skip" json:"skip,omitempty"`
	// Times is how often the fault hits. -1 means always. 0 means always for poison, omit-number
	// and every fault with Lasting, and otherwise once. The kinds that concern an entry count each
	// entry once.
	Times int `yaml:"times" json:"times,omitempty"`
	// Probability is the chance of hitting each event after Skip; 0 is certainty. The simulator's
	// seed decides which events are hit.
	Probability float64 `yaml:"probability" json:"probability,omitempty"`
	// Account, NIP, Lane ("online", "batch") and Number restrict the fault; "" matches all. NIP is
	// compared with the account's NIP. An account of any seller has no NIP. For such an account,
	// the NIP of the session's seller counts, once the first valid invoice has set it. That NIP
	// does not count at send, because the body names the session there, and faults are matched
	// before the body is read. For the kinds that concern an invoice or an entry, the NIP is that
	// of the invoice's seller. Number is P_2, in which * and ? are wildcards. Only the kinds that
	// concern a session, an invoice or an entry know Number.
	Account string `yaml:"account" json:"account,omitempty"`
	NIP     string `yaml:"nip" json:"nip,omitempty"`
	Lane    string `yaml:"lane" json:"lane,omitempty"`
	Number  string `yaml:"number" json:"number,omitempty"`
	// OneSession restricts the fault to the first session that it hits. Only sessionStatus,
	// invoices, close, upo and, at the Ministry's API, send name a session, so On must be one of
	// them.
	OneSession bool `yaml:"one_session" json:"one_session,omitempty"`
	// Lasting is the simulated time after which an armed fault ends; with 0 it never ends.
	Lasting time.Duration `yaml:"lasting" json:"lasting,omitempty"`
	// As is the variant of number-rewritten (double, nbsp, tab, trailing) and of undecodable (date,
	// number, ordinal, extensions-object, extensions-map, code). These two kinds need it; no other
	// kind may have it.
	As string `yaml:"as" json:"as,omitempty"`
	// Label is the name under which the books count the fault; "" is its kind.
	Label string `yaml:"label" json:"label,omitempty"`
	// Code depends on Kind. 0 means the value in brackets:
	//   - status: the HTTP status (502)
	//   - refused: the code in the answer (21405)
	//   - session-refused (405, online 500), session-spoiled (500), poison (405), stuck (150,
	//     online 170), invoice-status (550), login-refused (450): the KSeF status
	//   - list-omit, unnamed: the KSeF status of the entries that they concern (any)
	Code int `yaml:"code" json:"code,omitempty"`
	// For is the duration of slow, slow-request, stuck and login-stuck, and the Retry-After of 429.
	// The duration of stuck begins at the close; login-stuck lasts forever with 0. A hang ends
	// after For; with 0, it ends when the client goes away. A fault that concerns an entry changes
	// the answers about it until For is over; with 0, they stay changed.
	For time.Duration `yaml:"for" json:"for,omitempty"`
}

// Validate checks all fields and returns one error, which joins a FieldError for each fault.
func (f Fault) Validate() error {
	var errs []error
	fault := func(field, value, reason string) {
		errs = append(errs, &FieldError{Field: "fault." + field, Value: value, Err: errors.New(reason)})
	}
	if !slices.Contains(Kinds(), f.Kind) {
		fault("kind", f.Kind, "not one of "+strings.Join(Kinds(), ", "))
	}
	if f.On != "" && f.On != "any" && !slices.Contains(operationNames(), f.On) {
		fault("on", f.On, "not one of any, "+strings.Join(operationNames(), ", "))
	}
	if f.OneSession && !slices.Contains([]string{opSessionStatus, opInvoices, opClose, opUPO, opSend}, f.On) {
		fault("one_session", "true", "on is none of sessionStatus, invoices, close, upo, send")
	}
	if f.Skip < 0 || f.Times < -1 {
		fault("skip/times", fmt.Sprintf("%d/%d", f.Skip, f.Times), "negative")
	}
	if f.Probability < 0 || f.Probability > 1 {
		fault("probability", fmt.Sprint(f.Probability), "outside 0 to 1")
	}
	if f.Lasting < 0 {
		fault("lasting", f.Lasting.String(), "negative")
	}
	if variants := variantsOf(f.Kind); !slices.Contains(variants, f.As) {
		fault("as", f.As, "not one of "+strings.Join(variants, ", "))
	}
	if f.Lane != "" && f.Lane != laneOnline && f.Lane != laneBatch {
		fault("lane", f.Lane, "neither online nor batch")
	}
	if f.For < 0 || f.For == 0 && (f.Kind == Slow || f.Kind == SlowRequest || f.Kind == Stuck) {
		fault("for", f.For.String(), "this kind needs a positive duration")
	}
	if f.Kind == Poison && f.Number == "" {
		fault("number", "", "poison needs the number of an invoice")
	}
	if f.Kind == Status && f.Code != 0 && (f.Code < 300 || f.Code > 599) {
		fault("code", fmt.Sprint(f.Code), "not an HTTP error status")
	}
	if _, err := path.Match(f.Number, ""); err != nil {
		fault("number", f.Number, "not a pattern")
	}
	return errors.Join(errs...)
}

// event is what a fault can hit. It is a request, a session, an invoice or an entry of an answer.
// Unknown fields are empty. on is empty for a session and an invoice.
type event struct {
	on, account, nip, lane, number string
	session                        string // only when the request names one
	// named restricts the event to faults that name an invoice. It is set when the faults are asked
	// about each invoice of a package.
	named bool
}

func (f *Fault) matches(e event) bool {
	if e.on != "" && f.On != "" && f.On != "any" && f.On != e.on {
		return false
	}
	if e.on == "" { // a session or an invoice: On restricts the lane only
		switch f.On {
		case opOpenOnline, opSend:
			if e.lane != laneOnline {
				return false
			}
		case opOpenBatch, opPart:
			if e.lane != laneBatch {
				return false
			}
		}
	}
	if f.Account != "" && f.Account != e.account || f.NIP != "" && f.NIP != e.nip || f.Lane != "" && f.Lane != e.lane {
		return false
	}
	if f.Number == "" {
		return !e.named
	}
	// In path.Match a star does not match slashes, which numbers have. So slashes are replaced by a
	// character that no P_2 has.
	ok, _ := path.Match(strings.ReplaceAll(f.Number, "/", "\x00"), strings.ReplaceAll(e.number, "/", "\x00"))
	return ok
}
