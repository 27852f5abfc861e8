package ledger

import "slices"

// State is where an invoice stands.
type State string

// The states of an invoice, in the order of its path.
const (
	Queued    State = "queued"    // waits to be sent, for the first time or again
	Packed    State = "packed"    // in a package that has not tried to close its session
	Sending   State = "sending"   // the call that sends it to KSeF is about to be made, or was cut off
	Unknown   State = "unknown"   // that call's answer was lost, so ask KSeF first
	Sent      State = "sent"      // KSeF has it, the outcome is not known yet
	Accepted  State = "accepted"  // it has its KSeF number
	Receipted State = "receipted" // the UPO is archived too; final
	Rejected  State = "rejected"  // KSeF or our own check refused it; final unless a person retries
	Parked    State = "parked"    // waits for a person
	Dismissed State = "dismissed" // given up by a person; final unless a person takes that back
	// Superseded is a rejected or parked invoice in whose place KSeF accepted another document of
	// the same identity. A rejected invoice is also superseded when another document of its
	// identity is rejected after it. Nothing is left to do about a superseded invoice. Final unless
	// a person retries it.
	Superseded State = "superseded"
)

// States lists every state of an invoice, in the order of its path.
func States() []State {
	return []State{Queued, Packed, Sending, Unknown, Sent, Accepted, Receipted, Rejected, Parked, Dismissed, Superseded}
}

// Final reports whether the worker has nothing left to decide. Then the invoice is accepted (its
// receipt follows), receipted, or ended without a KSeF number.
func (s State) Final() bool { return s.InKSeF() || s.Ended() }

// Ended reports whether the invoice ended without a KSeF number. Then it is rejected, parked,
// dismissed or superseded. Another document can then take its identity.
func (s State) Ended() bool { return s.Open() || s == Dismissed || s == Superseded }

// InKSeF reports whether the invoice has its KSeF number.
func (s State) InKSeF() bool { return s == Accepted || s == Receipted }

// Open reports whether a person still has to act on the invoice.
func (s State) Open() bool { return s == Rejected || s == Parked }

// invoiceMoves lists for each state the states from which it may be reached. A move is checked
// before the script is called, and again in the script, which gets the list as its condition.
var invoiceMoves = map[State][]State{
	Queued:    {Packed, Sending, Unknown, Sent, Rejected, Parked, Dismissed, Superseded},
	Packed:    {Queued, Packed, Sending, Unknown, Sent},
	Sending:   {Queued, Packed},
	Unknown:   {Sending},
	Sent:      {Sending, Unknown},
	Accepted:  {Packed, Sending, Unknown, Sent},
	Receipted: {Accepted},
	Rejected:  {Queued, Packed, Sending, Unknown, Sent},
	Parked:    {Queued, Packed, Sending, Unknown, Sent}, // not from accepted, as a retry would send it again
	// Not from packed, sending, unknown or sent, because the document may be in a session that is
	// about to be closed. Once the session is closed, KSeF may have the document.
	Dismissed:  {Queued, Rejected, Parked},
	Superseded: {Rejected, Parked},
}

// MayMove reports whether an invoice may go from one state to another.
func MayMove(from, to State) bool { return slices.Contains(invoiceMoves[to], from) }

// PackageState is where a package stands.
type PackageState string

// The states of a package. Once close was tried, KSeF may have the invoices of the session. So only
// the first three may be abandoned.
const (
	PackageCut        PackageState = "cut"        // its invoices are chosen
	PackageOpened     PackageState = "opened"     // its session exists
	PackageUploaded   PackageState = "uploaded"   // the part store has every part (batch only)
	PackageClosing    PackageState = "closing"    // close is about to be called, or was cut off
	PackageProcessing PackageState = "processing" // the session is closed, KSeF works on it
	PackageSettled    PackageState = "settled"    // every invoice of it has an outcome
	PackageReceipted  PackageState = "receipted"  // the session's UPO is archived; final
	PackageAbandoned  PackageState = "abandoned"  // given up before close was ever tried; final
	PackageFailed     PackageState = "failed"     // KSeF refused the session as a whole; final
)

// PackageStates lists every state of a package, in the order of its path.
func PackageStates() []PackageState {
	return []PackageState{PackageCut, PackageOpened, PackageUploaded, PackageClosing, PackageProcessing,
		PackageSettled, PackageReceipted, PackageAbandoned, PackageFailed}
}

// Live reports whether the package still holds its invoices, so that no other package may send
// them.
func (s PackageState) Live() bool {
	return s != PackageReceipted && s != PackageAbandoned && s != PackageFailed
}

// packageMoves lists for each state of a package the states from which it may be reached.
var packageMoves = map[PackageState][]PackageState{
	PackageOpened:     {PackageCut},
	PackageUploaded:   {PackageOpened},
	PackageClosing:    {PackageOpened, PackageUploaded},
	PackageProcessing: {PackageClosing},
	// The states before closing are for a package whose remaining invoices were parked.
	PackageSettled:   {PackageCut, PackageOpened, PackageUploaded, PackageProcessing},
	PackageReceipted: {PackageSettled},
	PackageAbandoned: {PackageCut, PackageOpened, PackageUploaded},
	PackageFailed:    {PackageClosing, PackageProcessing},
}

// MayMovePackage reports whether a package may go from one state to another.
func MayMovePackage(from, to PackageState) bool { return slices.Contains(packageMoves[to], from) }
