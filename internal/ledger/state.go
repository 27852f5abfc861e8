package ledger

import "slices"

// State is where an invoice stands.
type State string

// The states of an invoice, in the order of its way.
const (
	Queued    State = "queued"    // taken in; nothing of it is out there
	Packed    State = "packed"    // in a package that has not tried to close its session
	Sending   State = "sending"   // the call that hands it to KSeF is about to be made, or was cut off
	Unknown   State = "unknown"   // that call's answer was lost: look first
	Sent      State = "sent"      // KSeF has it, the outcome is not known yet
	Accepted  State = "accepted"  // it has its KSeF number
	Receipted State = "receipted" // the UPO is archived too; final
	Rejected  State = "rejected"  // KSeF or our own check refused it; final unless a person retries
	Parked    State = "parked"    // waits for a person
	Dismissed State = "dismissed" // a person ended it: it is not sent; final
	// Superseded is a rejected or parked invoice of whose number another document was accepted: nothing
	// is left to do about it. Final.
	Superseded State = "superseded"
)

// States lists every state of an invoice, in the order of its way.
func States() []State {
	return []State{Queued, Packed, Sending, Unknown, Sent, Accepted, Receipted, Rejected, Parked, Dismissed, Superseded}
}

// Final reports whether the worker has nothing left to decide: accepted (its receipt follows), receipted,
// or ended without a KSeF number of its own.
func (s State) Final() bool { return s.InKSeF() || s.Ended() }

// Ended reports an invoice that ended without a KSeF number: rejected, parked, dismissed or
// superseded. Another document can take its number.
func (s State) Ended() bool { return s.Open() || s == Dismissed || s == Superseded }

// InKSeF reports an invoice that has its KSeF number.
func (s State) InKSeF() bool { return s == Accepted || s == Receipted }

// Open reports an invoice that a person still has to act on.
func (s State) Open() bool { return s == Rejected || s == Parked }

// invoiceMoves holds, for each state, the states it may be reached from. Every verb is checked against it twice:
// here in tests, and in the script, which gets the list as its condition.
var invoiceMoves = map[State][]State{
	Queued:    {Packed, Sending, Unknown, Sent, Rejected, Parked},
	Packed:    {Queued, Packed, Sending, Unknown, Sent},
	Sending:   {Queued, Packed},
	Unknown:   {Sending},
	Sent:      {Sending, Unknown},
	Accepted:  {Packed, Sending, Unknown, Sent},
	Receipted: {Accepted},
	Rejected:  {Queued, Packed, Sending, Unknown, Sent},
	Parked:    {Queued, Packed, Sending, Unknown, Sent}, // never from accepted: a retry would send it again
	// Never from packed or later: its document may be in an archive that is about to be closed, and
	// from then on KSeF may have it.
	Dismissed:  {Queued, Rejected, Parked},
	Superseded: {Rejected, Parked},
}

// MayMove reports whether an invoice may go from one state to another.
func MayMove(from, to State) bool { return slices.Contains(invoiceMoves[to], from) }

// PackageState is where a package stands.
type PackageState string

// The states of a package. Only the first three may be abandoned: once close was tried, what the session contains may
// be in KSeF.
const (
	PackageCut        PackageState = "cut"        // its invoices are chosen
	PackageOpened     PackageState = "opened"     // its session exists
	PackageUploaded   PackageState = "uploaded"   // every part was taken (batch only)
	PackageClosing    PackageState = "closing"    // close is about to be called, or was cut off
	PackageProcessing PackageState = "processing" // the session is closed, KSeF works on it
	PackageSettled    PackageState = "settled"    // every invoice of it has its outcome
	PackageReceipted  PackageState = "receipted"  // the session's UPO is archived; final
	PackageAbandoned  PackageState = "abandoned"  // given up before close was ever tried; final
	PackageFailed     PackageState = "failed"     // KSeF refused the session as a whole; final
)

// PackageStates lists every state of a package, in the order of its way.
func PackageStates() []PackageState {
	return []PackageState{PackageCut, PackageOpened, PackageUploaded, PackageClosing, PackageProcessing,
		PackageSettled, PackageReceipted, PackageAbandoned, PackageFailed}
}

// Live reports whether the package still holds its invoices: nobody else may send them.
func (s PackageState) Live() bool {
	return s != PackageReceipted && s != PackageAbandoned && s != PackageFailed
}

var packageMoves = map[PackageState][]PackageState{
	PackageOpened:     {PackageCut},
	PackageUploaded:   {PackageOpened},
	PackageClosing:    {PackageOpened, PackageUploaded},
	PackageProcessing: {PackageClosing},
	PackageSettled:    {PackageCut, PackageOpened, PackageUploaded, PackageProcessing}, // before closing: what is left in it was parked
	PackageReceipted:  {PackageSettled},
	PackageAbandoned:  {PackageCut, PackageOpened, PackageUploaded},
	PackageFailed:     {PackageClosing, PackageProcessing},
}

// MayMovePackage reports whether a package may go from one state to another.
func MayMovePackage(from, to PackageState) bool { return slices.Contains(packageMoves[to], from) }
