package waiting

import (
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
)

// stage is the part of an invoice's state that decides why it waits.
type stage struct {
	kind queue.Kind // the kind of the task that does the next step
	id   string     // the id of the invoice or package that the task is about
	rev  int64      // the revision in the id of that task
	set  string     // the waiting set that the invoice is in
	pkg  string
	said string // what KSeF said when the invoice's own task failed last; "" if pkg is set
	end  bool   // the invoice is accepted, and only its receipt is missing
	// overflow says that the task is in the overflow queue of its kind.
	overflow bool
}

func (f *Facts) stageOf(inv *ledger.Invoice) stage {
	p := f.Packages[inv.Package]
	switch {
	case inv.State == ledger.Queued && inv.Group != "":
		return stage{kind: queue.KindCut, set: inv.Group}
	case inv.State == ledger.Queued:
		return f.alone(inv)
	case inv.State == ledger.Accepted:
		return stage{kind: queue.KindReceipt, id: inv.Package, pkg: inv.Package, end: true}
	}
	return stage{kind: kindOf(p), id: inv.Package, pkg: inv.Package}
}

// kindOf returns the kind of the task that does a package's next step.
func kindOf(p ledger.Package) queue.Kind {
	switch {
	case p.State == ledger.PackageCut,
		p.Lane == ledger.Bulk && (p.State == ledger.PackageOpened || p.State == ledger.PackageUploaded):
		return queue.KindPackage
	case p.State == ledger.PackageSettled:
		return queue.KindReceipt
	}
	return queue.KindConfirm
}

// queue returns the queue that has the task of the next step.
func (s stage) queue() string {
	if all := s.kind.Queues(); s.overflow && len(all) > 1 {
		return all[1]
	}
	return s.kind.Queue()
}

// unsent reports whether a step that sends the invoice is still to be done. KSeF may already have
// parts of its package.
func (s stage) unsent() bool {
	switch s.kind {
	case queue.KindSubmit, queue.KindChunk, queue.KindSend, queue.KindCut, queue.KindPackage:
		return true
	}
	return false
}
