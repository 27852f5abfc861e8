package settlement

import (
	"slices"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// Held is what the ledger has of the invoices of a package. Each run of the confirm task (package
// tasks) reads it once. [Move.Wrote] then updates it after each write. The zero value says that
// nothing was read yet.
type Held struct {
	Read     bool
	Members  int                 // how many invoices the package ever held, those without an entry included
	Invoices []ledger.Invoice    // the entries that can be read, in the order of the package; also of invoices that left it
	Unread   []ledger.Unreadable // the entries that cannot be read
}

// holds reports whether a package holds an invoice whose outcome is not known yet.
func holds(pkg string, inv *ledger.Invoice) bool {
	if inv.Package != pkg {
		return false
	}
	switch inv.State {
	case ledger.Packed, ledger.Sending, ledger.Unknown, ledger.Sent:
		return true
	}
	return false
}

// Undecided returns the invoices that a package holds and whose outcome is not known yet. They
// point into h.
func (h Held) Undecided(pkg string) []*ledger.Invoice {
	var out []*ledger.Invoice
	for i := range h.Invoices {
		if holds(pkg, &h.Invoices[i]) {
			out = append(out, &h.Invoices[i])
		}
	}
	return out
}

// unreadOf returns the entries that cannot be read and that the package holds, or may hold.
func (h Held) unreadOf(pkg string) []ledger.Unreadable {
	return slices.DeleteFunc(slices.Clone(h.Unread), func(u ledger.Unreadable) bool { return !u.Opaque && u.Package != pkg })
}

// UnreadUndecided counts the unreadable entries that the package holds or may hold, and whose
// outcome may still be open.
func (h Held) UnreadUndecided(pkg string) int {
	n := 0
	for _, u := range h.unreadOf(pkg) {
		if u.Undecided() {
			n++
		}
	}
	return n
}

// attached counts what is still in the package in any state, entries that cannot be read included.
func (h Held) attached(pkg string) int {
	n := len(h.unreadOf(pkg))
	for i := range h.Invoices {
		if h.Invoices[i].Package == pkg {
			n++
		}
	}
	return n
}

// EndOf returns the state in which a package ends. leaving is how many of its undecided invoices
// are about to leave it. When an undecided entry cannot be read, EndOf returns "", and the package
// does not end. Invoices that were decided or parked in the package still need receipt, document
// and result, so a package with such invoices is settled. A package in which nothing stays is
// abandoned if closing its session was never tried, and otherwise failed.
func EndOf(p ledger.Package, held Held, leaving int) ledger.PackageState {
	switch {
	case held.UnreadUndecided(p.ID) > 0:
		return ""
	case held.attached(p.ID) > leaving:
		return ledger.PackageSettled
	case ledger.MayMovePackage(p.State, ledger.PackageAbandoned):
		return ledger.PackageAbandoned
	}
	return ledger.PackageFailed
}

// Listed is what was found out about a package's session in this run. A fact that was not asked for
// is zero.
type Listed struct {
	Session ksef.SessionInfo
	// Unknown is set when KSeF does not know the session, or refuses to answer about it. Session is
	// zero then.
	Unknown  *Unknown
	List     List
	Statuses Statuses
	Receipt  OwnReceipt
	Tenant   *ledger.Tenant
	Through  *bool // KSeF processed another package of the tenant since these invoices were refused first
	Rest     *Rest // the package that waits for this one, its probe

	Stage     Stage           // how far this run has come
	Conflicts int             // how many moves of the last decision met a conflict
	Gone      map[string]bool // ids of invoices that the refused session was proven not to have taken
}

// List is the list of a session's invoices. When Asked is set and Invoices is nil, KSeF has no
// list. An empty list is an empty slice.
type List struct {
	Asked    bool
	Invoices []ksef.InvoiceInfo
}

// Statuses are KSeF's answers about single sends, by the invoice's id. Unread names the invoices
// whose answers came but could not be read. Such an answer shows that KSeF knows the invoice. Sick
// is the error of the first status that could not be asked for now, or nil.
type Statuses struct {
	Asked  bool
	By     map[string]ksef.InvoiceInfo
	Unread map[string]bool
	Sick   error
}

// OwnReceipt is the receipt of the package's own session. Receipt is zero when there is none. Err
// is set when the receipt could not be asked for now.
type OwnReceipt struct {
	Asked   bool
	Receipt ksef.Receipt
	Err     error
}

// Unknown is KSeF's refusal to answer about a session. Status is the HTTP status, Code is KSeF's
// code, and Text has its words.
type Unknown struct {
	Status, Code int
	Text         string
	Err          error // the refusal itself; nil when only its text is known
}

// Rest is the package that waits for a probe. The two were cut from the same package. Package is
// nil when the entry of the rest is gone or cannot be read.
type Rest struct{ Package *ledger.Package }

// Stage is how far one run of the confirm task has come. The answers are decided about only once in
// a run. The moves that follow from them change the states in the ledger, and a second decision
// would apply the same answers to the new states.
type Stage int

// The stages, in their order.
const (
	Answers   Stage = iota // what KSeF says about each invoice
	Originals              // the originals of duplicates, and of invoices whose session is unknown
	Remainder              // the rest; the package ends, is split, or waits
	Last                   // after the invoices of a refused online session have left
)
