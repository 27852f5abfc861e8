package ledger

import (
	"testing"
)

// Another program wrote the key of the outbox. The moves go on, and what became final meanwhile is
// told once the key is well.
func TestOutbox_KeyIsSick_OutcomesAreSetAsideAndToldLater(t *testing.T) {
	w := oneWorld(quiet{t}).telling(1000)
	first := w.invoiceIn(Rejected)
	w.must(w.rdb.Rename(ctx(), w.key(keyOutbox), w.key("saved")).Err())
	w.must(w.rdb.Set(ctx(), w.key(keyOutbox), "foreign", 0).Err())
	second, third := w.invoiceIn(Rejected), w.invoiceIn(Parked)
	if n, err := w.Rejoin(ctx()); n != 0 || err != nil {
		t.Errorf("%d outcomes are appended to a sick outbox, %v; want none", n, err)
	}
	w.must(w.rdb.Rename(ctx(), w.key("saved"), w.key(keyOutbox)).Err())
	if n, err := w.Rejoin(ctx()); n != 2 || err != nil {
		t.Errorf("%d outcomes are appended, %v; want 2", n, err)
	}
	var got []string
	for _, o := range w.outcomes() {
		got = append(got, o.ID+" "+string(o.State))
	}
	want := []string{first.ID + " rejected", second.ID + " rejected", third.ID + " parked"}
	if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("the outbox has %q, want %q", got, want)
	}
	if n := w.rdb.Exists(ctx(), w.key(keyAside)).Val(); n != 0 {
		t.Error("the stream of outcomes that were set aside is still there")
	}
	if n, err := w.Rejoin(ctx()); n != 0 || err != nil {
		t.Errorf("a second call appends %d outcomes, %v; want none", n, err)
	}
}
