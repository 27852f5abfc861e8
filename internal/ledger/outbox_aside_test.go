package ledger

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
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
		t.Errorf("%d outcomes are appended to a sick outbox (error %v), want none", n, err)
	}
	w.must(w.rdb.Rename(ctx(), w.key("saved"), w.key(keyOutbox)).Err())
	if n, err := w.Rejoin(ctx()); n != 2 || err != nil {
		t.Errorf("%d outcomes are appended (error %v), want 2", n, err)
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
		t.Errorf("a second call appends %d outcomes (error %v), want none", n, err)
	}
}

// While outcomes are set aside, all later ones follow them, so that a receiver gets the outcomes of
// one invoice in order.
func TestOutbox_IsWellAgainAndOutcomesAreStillSetAside_LaterOnesFollowThem(t *testing.T) {
	w := oneWorld(quiet{t}).telling(5000)
	overwrite(w, keyOutbox)
	inv := w.invoiceIn(Accepted)
	refused := []Refusal{{ID: "ref-a", Tenant: "A", File: "a", Faults: []RefusalFault{{Rule: "must be XML"}}}}
	w.must(w.Refuse(ctx(), refused))
	w.must(w.rdb.Del(ctx(), w.key(keyOutbox)).Err())
	w.move(inv, Receipted)
	if n, err := w.EndRefusals(ctx(), []RefusalEnd{{ID: "ref-a", Tenant: "A", Ended: RefusalDismissed}}); n != 1 || err != nil {
		t.Errorf("%d refusals have ended (error %v), want one", n, err)
	}
	if got := w.outcomes(); len(got) != 0 {
		t.Errorf("the outbox has %+v, want nothing before the outcomes that were set aside", got)
	}
	if n, err := w.Rejoin(ctx()); n != 4 || err != nil {
		t.Errorf("%d outcomes are appended (error %v), want 4", n, err)
	}
	if got := w.told(inv.ID); got != "accepted receipted" {
		t.Errorf("the outbox tells %q of the invoice, want accepted receipted", got)
	}
	if got := w.told("ref-a"); got != "refused dismissed" {
		t.Errorf("the outbox tells %q of the refused document, want refused dismissed", got)
	}
	w.invoiceIn(Rejected)
	if got := w.outcomes(); len(got) != 5 {
		t.Errorf("the outbox has %d outcomes, want 5: the last one is not set aside any more", len(got))
	}
}

// More outcomes were set aside than one script appends, and further ones come meanwhile.
func TestRejoin_MoreThanOnePiece_AppendsAllInOrderAndEnds(t *testing.T) {
	w := oneWorld(quiet{t}).telling(5000)
	overwrite(w, keyOutbox)
	for n := range 2*rejoinPiece + 1 {
		w.must(w.rdb.XAdd(ctx(), &redis.XAddArgs{Stream: w.key(keyAside), Values: []any{"id", "inv-x", "rev", n}}).Err())
	}
	w.must(w.rdb.Del(ctx(), w.key(keyOutbox)).Err())
	w.invoiceIn(Rejected)
	if n, err := w.Rejoin(ctx()); n != 2*rejoinPiece+2 || err != nil {
		t.Errorf("%d outcomes are appended (error %v), want %d", n, err, 2*rejoinPiece+2)
	}
	all, err := w.Outcomes(ctx(), "", 5000)
	w.must(err)
	for n, o := range all[:2*rejoinPiece+1] {
		if o.Rev != int64(n) {
			t.Fatalf("outcome %d is %+v, want the order in which they were set aside", n, o)
		}
	}
	if n := w.rdb.Exists(ctx(), w.key(keyAside)).Val(); n != 0 {
		t.Error("the stream of outcomes that were set aside is still there")
	}
}

// Both streams are sick, so outcomes can be kept nowhere. They are counted, whoever writes them.
func TestOutbox_BothKeysAreSick_MovesGoOnAndWhatWasNotKeptIsCounted(t *testing.T) {
	w := oneWorld(quiet{t}).telling(1000)
	before := w.rdb.Time(ctx()).Val().Add(-time.Millisecond)
	overwrite(w, keyOutbox)
	overwrite(w, keyAside)
	inv := w.invoiceIn(Accepted)
	w.must(w.Refuse(ctx(), []Refusal{{ID: "ref-a", Tenant: "A", File: "a", Faults: []RefusalFault{{Rule: "must be XML"}}}}))
	w.must(w.rdb.Del(ctx(), w.key(keyAside)).Err())
	w.move(inv, Receipted)
	lost, err := w.NotKept(ctx())
	w.must(err)
	if lost.N != 2 || lost.Since.Before(before) || lost.Until.Before(lost.Since) || lost.Until.After(time.Now().Add(time.Second)) {
		t.Errorf("not kept are %+v, want 2 outcomes of the last moments", lost)
	}
	if ttl := w.rdb.TTL(ctx(), w.key(keyNotKept)).Val(); ttl <= 0 || ttl > failedKept {
		t.Errorf("the record is kept for %s, want up to %s", ttl, failedKept)
	}
	w.must(w.rdb.Del(ctx(), w.key(keyOutbox)).Err())
	if n, err := w.Rejoin(ctx()); n != 1 || err != nil {
		t.Errorf("%d outcomes are appended (error %v), want the one that was set aside after outboxaside was deleted", n, err)
	}
}

// While the record of what was not kept is sick too, nobody can count the lost outcomes. So the
// report about each of the three keys says what becomes of outcomes.
func TestSickKeys_OutboxAndWhatStandsInForIt_SayWhatBecomesOfOutcomes(t *testing.T) {
	w := oneWorld(quiet{t}).telling(1000)
	for _, key := range []string{keyOutbox, keyAside, keyNotKept} {
		overwrite(w, key)
	}
	w.invoiceIn(Rejected)
	if lost, err := w.NotKept(ctx()); lost.N != 0 || len(SickSink(err)) != 1 || SickSink(err)[0].Key != keyNotKept {
		t.Errorf("not kept are %+v (error %v), want an error that names the key, because nobody can count them", lost, err)
	}
	sick, err := w.SickKeys(ctx())
	w.must(err)
	for i, want := range []string{"outcomes are kept in outboxaside meanwhile, unless that key is sick too",
		"what was in it is told to no receiver", "nobody can say how many outcomes were not kept"} {
		if len(sick) != 3 || !strings.Contains(sick[i].Err.Error(), want) || strings.Contains(sick[i].Err.Error(), "writes it again") ||
			i < 2 == strings.Contains(sick[i].Err.Error(), "then delete the key") {
			t.Errorf("the sick keys are %v, want three, number %d with %q, none with %q, only the last with %q",
				sick, i, want, "writes it again", "then delete the key")
		}
	}
}

// The outcomes that are set aside have the same bound as the outbox. Outcomes that do not fit are
// counted.
func TestOutbox_IsSickForLong_OutcomesThatNoLongerFitAreCounted(t *testing.T) {
	w := oneWorld(quiet{t}).telling(100)
	overwrite(w, keyOutbox)
	all := make([]Refusal, 450)
	for i := range all {
		all[i] = Refusal{ID: fmt.Sprint("ref-", i), Tenant: "A", File: "a", Faults: []RefusalFault{{Rule: "must be XML"}}}
	}
	w.must(w.Refuse(ctx(), all))
	first := w.rdb.XRange(ctx(), w.key(keyAside), "-", "+").Val()
	lost, err := w.NotKept(ctx())
	if w.must(err); len(first) > 250 || lost.N != int64(len(all)-len(first)) || lost.Until.Before(lost.Since) {
		t.Errorf("%d of %d outcomes are set aside, not kept are %+v; want about 100, and all others counted", len(first), len(all), lost)
	}
}

// overwrite lets another program write a key.
func overwrite(w *world, key string) {
	w.t.Helper()
	w.must(w.rdb.Del(ctx(), w.key(key)).Err())
	w.must(w.rdb.Set(ctx(), w.key(key), "foreign", 0).Err())
}
