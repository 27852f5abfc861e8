package settlement

import (
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// Decision says what to do about a package. If Ask is set, no other field is. The other fields are
// carried out one after the other, in their order. If one of the Moves meets a conflict, nothing
// after LetIn is carried out. The order makes a crash at any point harmless.
type Decision struct {
	Ask Ask

	// Package is written first, and only at the revision that was read. When two workers decide the
	// same, one stops here, before anything is counted or sent again.
	Package PackageEdit
	// Renew forgets the public key, before another session with these invoices can be opened.
	Renew bool
	// Refusal is a session that KSeF refused as a whole. It is counted before Split, because the
	// pause of the new packages depends on this count.
	Refusal *Refusal
	// Through notes that KSeF processed a batch session. It comes before End, because a package
	// that has ended is not read again.
	Through bool
	// Denial is what 410s say about the tenant. It comes before Moves, so that the tenant is paused
	// before its invoices are queued again. Otherwise they would be sent at once.
	Denial *Denial
	// Moves are written together; each may meet a conflict of its own. A move to queued is followed
	// by the task that sends the invoice.
	Moves []Move
	// LetIn notes that KSeF lets the tenant in. It comes after the moves that show this.
	LetIn bool
	// Doubt is about invoices whose outcome nothing proves. It comes before Listed, because once
	// the list counts as read, only the invoices that Doubt marked are looked for.
	Doubt *Doubt
	// Listed says that the list need not be read again.
	Listed bool
	// Lookup says that the originals of marked invoices are to be looked up.
	Lookup bool
	// Split ends the package and puts its invoices into others; End only ends it. At most one is
	// set.
	Split *Split
	End   *End
	// TellRest is for a package that is a probe: it went ahead to find out whether KSeF accepts any
	// invoice. TellRest queues the task of the package that waits for it. Receipt queues the
	// receipt task. Both come after Split and End, because the two tasks read the state that Split
	// and End write.
	TellRest, Receipt bool

	// Gone has the ids of the invoices that a refused session was proven not to have taken. The
	// caller hands it back in [Listed] until the run is over.
	Gone map[string]bool
	// Wait says how the task comes back. Over says that the run is over. If neither is set, the run
	// goes on to its next stage.
	Wait *Wait
	Over bool
}

// Asks reports whether a fact is needed first.
func (d Decision) Asks() bool { return d.Ask.For != Nothing }

// Ask is one fact that a decision needs. Sends are the invoices to ask for by their references, in
// this order.
type Ask struct {
	For   Fact
	Sends []*ledger.Invoice
}

// Fact names what a decision can ask for. Each is asked for at most once in a run.
type Fact int

// The facts, in the order in which they are asked for.
const (
	Nothing    Fact = iota
	TheList         // the session's list of invoices
	TheHeld         // the ledger's entries, read after the list; see [DecideOpen]
	TheSends        // the status of single sends by their references
	TheReceipt      // the session's receipt
	TheTenant       // what is known about the tenant
	TheThrough      // whether KSeF processed another package of the tenant since the first refusal
	TheRest         // the package that waits for this one, its probe
)

func ask(f Fact) Decision { return Decision{Ask: Ask{For: f}} }

// PackageEdit are fields of the package; zero values are not written.
type PackageEdit struct {
	Code int       // of the session
	Lost time.Time // since when KSeF says that it does not know the session
}

// Refusal is a session that KSeF refused as a whole. Refusals is how many such sessions the
// invoices have behind them. Counted says that the refusal counts against the tenant, too.
type Refusal struct {
	Code, Refusals int
	Reason         string
	Counted        bool
}

// Denial counts answers of 410. Own counts those about invoices in the tenant's own name, and
// ForOthers those about invoices that the tenant issues for other sellers. A Pause says that KSeF
// lets nothing of the tenant in, and how long the tenant rests. Waiting is how many invoices are
// queued again.
type Denial struct {
	Own, ForOthers, Waiting int
	Pause                   time.Duration
}

// Doubt notes the invoices whose outcome nothing proves. With Begin the notes are reasons, and the
// package's doubt begins after they are written. In the other order, a crash between the two would
// leave a wait that nobody is told of. Without Begin the waiting time is over, and the notes mark
// the invoices for the search in the register. All notes are written whatever the revision of the
// invoice, because a reference that the sender writes late must not keep an invoice from being
// noted. Listed and Counted are for the log.
type Doubt struct {
	Notes           []Move
	Begin           bool
	Listed, Counted int
}

// Split ends a package and puts its invoices into Parts, which are sent after the pause In. A part
// has an id only if it goes into an existing package.
type Split struct {
	// Park is the invoice that is alone and at fault. It is parked first and stays in the package,
	// so that the package still gets receipt, document and result.
	Park   *Move
	Parts  []ledger.Part
	End    ledger.PackageState // "": an entry cannot be read, so the package goes on
	Reason string
	In     time.Duration
	Proof  Proof // that KSeF cannot have what is in Parts
}

// End is how a package ends.
type End struct {
	State  ledger.PackageState
	Code   int
	Reason string
}

// Wait says how the task comes back. It comes back with the pauses of polls (Poll), with an error
// (Err), or after Delay. Err is returned unchanged, because circuits and growing pauses depend on
// it.
type Wait struct {
	Poll   bool
	Delay  time.Duration
	Reason retry.Reason
	What   string
	Cause  error // what KSeF answered; it changes neither Delay nor Poll
	Err    error
}
