package ledger

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUnderways_AreTheSessionsToPoll_WithTheirAgeAndDeadline(t *testing.T) {
	next := worlds(t)
	for _, s := range append(PackageStates(), "an open online session") {
		t.Run(string(s), func(t *testing.T) {
			w := next(t)
			var p Package
			var want []Underway
			switch s {
			case "an open online session":
				p = w.online()
				want = []Underway{{Tenant: p.Tenant, Open: true, Since: p.OpenedAt.Time(), Deadline: p.Deadline}}
			case PackageClosing, PackageProcessing:
				p = w.packageIn(s)
				w.must(w.MovePackage(ctx(), &p, PackageMove{Edit: PackageEdit{}.ClosingAt(At(noon))}))
				want = []Underway{{Tenant: p.Tenant, Since: At(noon).Time(), Deadline: p.Deadline}}
				if p.Deadline == 0 {
					t.Fatal("the package has no deadline, so the test proves nothing")
				}
			default: // not closed yet, or over: nothing to poll
				p = w.packageIn(s)
			}
			got, _, err := w.Underways(ctx(), 0, 10)
			w.must(err)
			if len(want) == 0 && len(got) == 0 {
				return
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}
