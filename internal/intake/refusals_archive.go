package intake

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"ksefworker/internal/ledger"
)

// An archive may be refused for several of its entries. All these faults are about one file, the
// archive, so they are in one record. The record names the first of them, up to maxFaults, and
// counts the others. The record ends when the archive is made again and handed in, because then
// documents in it are taken, and the archive itself has no fault.

// together adds the faults of an earlier refusal in this run that has the same id. Such refusals
// have the same file or ref, or, over the network, the same identity. A refusal with ByInvoice set
// stays as it is.
func (r *Refusals) together(on ledger.Refusal) ledger.Refusal {
	if on.ByInvoice {
		return on
	}
	if before, again := r.ofRun[on.ID]; again {
		var all []ledger.RefusalFault
		for _, f := range slices.Concat(before.Faults, on.Faults) {
			if !slices.Contains(all, f) {
				all = append(all, f)
			}
		}
		on.Faults, on.More = all[:min(len(all), maxFaults)], before.More+on.More+max(len(all)-maxFaults, 0)
	}
	if r.ofRun == nil {
		r.ofRun = map[string]ledger.Refusal{}
	}
	r.ofRun[on.ID] = on
	return on
}

// archives returns the ids of the refusals of the archives that a document came from. It leaves out
// archives that were refused in this run.
func (r *Refusals) archives(path string) []string {
	var ids []string
	for at := filepath.Dir(path); at != filepath.Dir(at); at = filepath.Dir(at) {
		if !strings.EqualFold(filepath.Ext(at), ".zip") {
			continue
		}
		id := ledger.RefusalOfFile(at)
		if _, refused := r.ofRun[id]; !refused {
			ids = append(ids, id)
		}
	}
	return ids
}

// EndFile ends the refusal of a file, for example of an archive that has no fault any more. asked
// is the tenant that the file is handed in for, and may be "". note says what ended the refusal.
func (r *Refusals) EndFile(ctx context.Context, file, asked, note string) {
	path := r.pathOf(&Admission{File: file})
	if r.ask(ctx); !r.open || path == "" {
		return
	}
	end := ledger.RefusalEnd{ID: ledger.RefusalOfFile(path), Tenant: asked, Ended: ledger.RefusalSuperseded, Note: note}
	if _, err := r.Record.EndRefusals(ctx, []ledger.RefusalEnd{end}); err != nil {
		r.failed(0, err)
	}
}
