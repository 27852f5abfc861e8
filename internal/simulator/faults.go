package simulator

import (
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
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
	// Times is how often it strikes; 0 is once (poison and omit-number: always), -1 always.
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
	// Code is the HTTP status of kind status (502), the code in the answer of refused (21405), the status of session-refused
	// (405), session-spoiled (500), poison (405), stuck (150) and invoice-status (550).
	Code int `yaml:"code" json:"code,omitempty"`
	// For is how long: slow, slow-request, stuck (from the moment of closing), and the Retry-After of 429.
	For time.Duration `yaml:"for" json:"for,omitempty"`
}

// Kinds of faults.
const (
	// Before or instead of acting.
	DropRequest = "drop-request" // the connection ends before anything is done
	Reset       = "reset"        // the same, with a TCP reset
	Status      = "status"       // HTML with HTTP status Code, nothing done
	HTML200     = "200-html"     // HTML with HTTP status 200, nothing done, a part is not stored
	SlowRequest = "slow-request" // acts only after For, even if the client has gone
	TooMany     = "429"          // with Retry-After For, and the group is blocked so long; no header when For is 0
	Denied      = "401"          // as if the key were wrong
	Forbidden   = "403"          // as if the key lacked the permission for it
	Refused     = "refused"      // the gateway's own no: HTTP 400 with an error in JSON
	KeyRotated  = "key-rotated"  // the RSA key changes, then the operation goes on

	// After acting.
	DropAnswer = "drop-answer"  // carried out, the connection ends without an answer
	Error500   = "500-after"    // carried out, answered 500 as JSON
	Slow       = "slow"         // carried out at once, answered after For
	Lost       = "lost-session" // the session of this operation is unknown from then on; what a close set going goes on

	// Sessions. A batch session is struck when its processing begins, an online session when it is opened.
	SessionRefused = "session-refused" // ends with Code, nothing accepted
	SessionSpoiled = "session-spoiled" // ends with Code after its invoices were judged: what was accepted stays so, and there is no UPO
	Stuck          = "stuck"           // stays at Code (100, 150, 170) for For of simulated time
	Poison         = "poison"          // a package that holds invoice Number ends with Code, always

	// Invoices.
	InvoiceStatus = "invoice-status" // an invoice that would be accepted gets Code instead
	OmitNumber    = "omit-number"    // a rejected invoice comes back without its invoiceNumber
	OmitOriginal  = "omit-original"  // a duplicate comes back without naming its original
	WrongOriginal = "wrong-original" // a duplicate names another invoice of the register than its original, and that one's session
)

// Kinds lists every kind of fault.
func Kinds() []string {
	return []string{DropRequest, Reset, Status, HTML200, SlowRequest, TooMany, Denied, Forbidden, Refused, KeyRotated, DropAnswer, Error500, Slow, Lost,
		SessionRefused, SessionSpoiled, Stuck, Poison, InvoiceStatus, OmitNumber, OmitOriginal, WrongOriginal}
}

// requestKinds strike at a request; Lost strikes beside them.
func requestKinds() []string { return Kinds()[:13] }

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
	if f.Skip < 0 || f.Times < -1 {
		fault("skip/times", fmt.Sprintf("%d/%d", f.Skip, f.Times), "negative")
	}
	if f.Probability < 0 || f.Probability > 1 {
		fault("probability", fmt.Sprint(f.Probability), "outside 0 to 1")
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

// faultBook holds the armed faults and counts what they did. Safe for concurrent use.
type faultBook struct {
	mu     sync.Mutex
	random *mathrand.Rand
	armed  []*armedFault
	struck map[string]int
}

type armedFault struct {
	Fault
	seen, struck int
}

func newFaultBook(faults []Fault, random *mathrand.Rand) *faultBook {
	b := &faultBook{random: random, struck: map[string]int{}}
	for _, f := range faults {
		b.arm(f)
	}
	return b
}

func (b *faultBook) arm(f Fault) {
	if f.Times == 0 {
		f.Times = 1
		if f.Kind == Poison || f.Kind == OmitNumber {
			f.Times = -1
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.armed = append(b.armed, &armedFault{Fault: f})
}

// take gives the first armed fault of these kinds that strikes at the occasion, and counts it. An occasion counts for
// Skip of every fault that it matches until one strikes.
func (b *faultBook) take(o occasion, kinds ...string) (Fault, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.armed {
		if !slices.Contains(kinds, f.Kind) || f.Times >= 0 && f.struck >= f.Times || !f.matches(o) {
			continue
		}
		f.seen++
		if f.seen <= f.Skip || f.Probability > 0 && b.random.Float64() >= f.Probability {
			continue
		}
		f.struck++
		b.struck[f.Kind]++
		return f.Fault, true
	}
	return Fault{}, false
}

func (b *faultBook) counts() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]int{}
	for kind, n := range b.struck {
		out[kind] = n
	}
	return out
}
