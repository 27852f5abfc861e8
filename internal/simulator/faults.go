package simulator

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Fault orders one failure. In a script (JSON or YAML) the names are the lower-case ones of the tags.
type Fault struct {
	// On is the operation: openBatch, openOnline, part, close, send, sessionStatus, invoices, upo, publicKey,
	// invoiceStatus, invoiceGet, validate, generate, links, visualize, upoVisualize, metadata, queryStart,
	// queryStatus, queryResult, boxUploadInvoice, boxInvoiceStatus, boxUploadBatch, boxBatchStatus, boxDownload,
	// boxDownloadStatus; any or "" is every one. For the kinds that concern a session or an invoice it is looked at
	// only where they say so.
	On string `yaml:"on" json:"on,omitempty"`
	// Kind is one of Kinds.
	Kind string `yaml:"kind" json:"kind"`
	// Skip lets so many matching occasions pass first.
	Skip int `yaml:"skip" json:"skip,omitempty"`
	// Times is how often it strikes; 0 is once (poison, omit-number and whatever has Lasting: always), -1 always. For the
	// kinds that concern an entry it counts entries, each once.
	Times int `yaml:"times" json:"times,omitempty"`
	// Probability of striking at each occasion after Skip; 0 is certainty. Drawn from the simulator's seed.
	Probability float64 `yaml:"probability" json:"probability,omitempty"`
	// Account, NIP, Lane ("online", "batch") and Number restrict it; "" matches all. NIP matches the account's or,
	// once an invoice told it, the session's seller (at send only the account's: its session stands in the body).
	// Number is P_2, * and ? are wildcards; only the kinds that concern sessions and invoices can know it.
	Account string `yaml:"account" json:"account,omitempty"`
	NIP     string `yaml:"nip" json:"nip,omitempty"`
	Lane    string `yaml:"lane" json:"lane,omitempty"`
	Number  string `yaml:"number" json:"number,omitempty"`
	// OneSession keeps it to the first session that it strikes; every other is well. Only sessionStatus,
	// invoices, close and upo name a session, so On must be one of them.
	OneSession bool `yaml:"one_session" json:"one_session,omitempty"`
	// Lasting ends it so long after it was armed, in simulated time; 0 is never.
	Lasting time.Duration `yaml:"lasting" json:"lasting,omitempty"`
	// As is the manner of number-rewritten (double, nbsp, tab, trailing) and of undecodable (date, number, ordinal,
	// extensions-object, extensions-map, code). Only they have one, and both need it.
	As string `yaml:"as" json:"as,omitempty"`
	// Label is the name under which the books count it; "" is its kind.
	Label string `yaml:"label" json:"label,omitempty"`
	// Code is the HTTP status of kind status (502), the code in the answer of refused (21405), the status of session-refused
	// (405), session-spoiled (500), poison (405), stuck (150) and invoice-status (550).
	Code int `yaml:"code" json:"code,omitempty"`
	// For is how long: slow, slow-request, stuck (from the moment of closing), and the Retry-After of 429. A hang ends
	// after it, 0 leaves that to the client; an entry is answered right again after it, 0 is never.
	For time.Duration `yaml:"for" json:"for,omitempty"`
}

// Validate tells what makes no sense, all at once, as FieldErrors.
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
	if f.OneSession && !slices.Contains([]string{opSessionStatus, opInvoices, opClose, opUPO}, f.On) {
		fault("one_session", "true", "on is none of sessionStatus, invoices, close, upo")
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
	if manners := mannersOf(f.Kind); !slices.Contains(manners, f.As) {
		fault("as", f.As, "not one of "+strings.Join(manners, ", "))
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

// occasion is what a fault may strike at.
type occasion struct {
	on, account, nip, lane, number string
	session                        string // where the request names one
	// named: only faults that name an invoice are meant, while a package is looked through.
	named bool
}

func (f *Fault) matches(o occasion) bool {
	if o.on != "" && f.On != "" && f.On != "any" && f.On != o.on {
		return false
	}
	if o.on == "" { // a session or an invoice: the operation can only tell the lane
		switch f.On {
		case opOpenOnline, opSend:
			if o.lane != laneOnline {
				return false
			}
		case opOpenBatch, opPart:
			if o.lane != laneBatch {
				return false
			}
		}
	}
	if f.Account != "" && f.Account != o.account || f.NIP != "" && f.NIP != o.nip || f.Lane != "" && f.Lane != o.lane {
		return false
	}
	if f.Number == "" {
		return !o.named
	}
	// Numbers hold slashes, which path.Match does not let a star pass: they are swapped for a character no P_2 has.
	ok, _ := path.Match(strings.ReplaceAll(f.Number, "/", "\x00"), strings.ReplaceAll(o.number, "/", "\x00"))
	return ok
}
