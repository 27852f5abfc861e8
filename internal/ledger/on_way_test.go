package ledger

import "testing"

func TestOnWay_CountsWhatIsCutOrNotDecided_AndNoOnlineSession(t *testing.T) {
	next := worlds(t)
	for _, s := range PackageStates() {
		t.Run(string(s), func(t *testing.T) {
			w := next(t)
			p := w.packageIn(s)
			w.online()
			var want OnWay
			switch s {
			case PackageCut:
				want = OnWay{Packages: 1, Cut: 1}
			case PackageOpened, PackageUploaded, PackageClosing, PackageProcessing:
				want = OnWay{Packages: 1}
			}
			got, err := w.OnWay(ctx(), 10)
			w.must(err)
			if got[p.Tenant] != want {
				t.Errorf("OnWay gives %+v, want %+v", got[p.Tenant], want)
			}
		})
	}
	t.Run("made after a refusal", func(t *testing.T) {
		w := next(t)
		p := w.packageIn(PackageProcessing)
		ids, err := w.Members(ctx(), p.ID)
		w.must(err)
		w.must(w.Repack(ctx(), &p, PackageFailed, "refused", []Part{{ID: "pkg-again", Refusals: 1, IDs: ids}}))
		got, err := w.OnWay(ctx(), 10)
		w.must(err)
		if want := (OnWay{Packages: 1}); got[p.Tenant] != want {
			t.Errorf("OnWay gives %+v, want %+v: a package made after a refusal may rest before it asks for a session",
				got[p.Tenant], want)
		}
	})
}
