package intake

import (
	"context"
	"path/filepath"
	"strings"

	"ksefworker/internal/ledger"
)

// EndFile ends the refusal of a file, such as an archive that is well now. asked is the tenant that
// it is handed in for, and may be ""; note says what ended it.
func (r *Refusals) EndFile(ctx context.Context, file, asked, note string) {
	path := r.pathOf(file)
	if r.ask(ctx); !r.open || path == "" {
		return
	}
	end := ledger.RefusalEnd{ID: ledger.RefusalOfFile(path), Tenant: asked, Ended: ledger.RefusalSuperseded, Note: note}
	if _, err := r.Record.EndRefusals(ctx, []ledger.RefusalEnd{end}); err != nil {
		r.failed(0, err)
	}
}

func (r *Refusals) refuseArchive(path string) {
	if r.archives == nil {
		r.archives = map[string]bool{}
	}
	r.archives[path] = true
}

// archiveOf returns the archive that a path leads into; "" when it leads into none.
func archiveOf(path string) string {
	for at := 0; ; {
		n := strings.IndexByte(path[at:], filepath.Separator)
		if n < 0 {
			return ""
		}
		if at += n; isZIP(path[:at]) {
			return path[:at]
		}
		at++
	}
}

func isZIP(name string) bool { return hasExtension(name, ".zip") }
