package ledger

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Another program wrote one of the keys of a sink. The key is named, with what to do, and the other
// sink is not affected.
func TestCheckSink_OneKeyIsSick_IsNamedAndTheOtherSinkIsWell(t *testing.T) {
	for _, k := range sinkKeys {
		t.Run(k.key, func(t *testing.T) {
			w := oneWorld(t).telling(1000)
			for _, sink := range []string{"sick", "well"} {
				ok, err := w.LeaseSink(ctx(), sink, "token", time.Minute)
				if w.must(err); !ok {
					t.Fatalf("sink %s has no lease", sink)
				}
				w.must(w.CheckSink(ctx(), sink))
			}
			key := w.key(k.key, "sick")
			w.must(w.rdb.Del(ctx(), key).Err())
			w.must(w.rdb.RPush(ctx(), key, "foreign").Err())
			sick := SickSink(w.CheckSink(ctx(), "sick"))
			if len(sick) != 1 || sick[0].Key != k.key+"sick" || !strings.Contains(sick[0].Err.Error(), k.remedy) {
				t.Errorf("the sick keys are %+v, want the key %ssick, and what to do about it", sick, k.key)
			}
			w.must(w.CheckSink(ctx(), "well"))
		})
	}
}

// Another program wrote the set of all sinks, which only lists them. All that a sink records is
// written, and the sink is in the set once the set is well.
func TestChangeSink_SetOfSinksIsSick_AllIsRecorded(t *testing.T) {
	w := oneWorld(t).telling(1000)
	w.must(w.rdb.Set(ctx(), w.key(keySinks), "foreign", 0).Err())
	held := Held{Outcome: Outcome{ID: "inv-a", Rev: 7, At: "1-0"}, Err: "answered 422"}
	change := func() {
		t.Helper()
		_, err := w.ChangeSink(ctx(), "erp", SinkChange{State: &SinkState{Cursor: "5-0"}, Hold: map[string][]Held{"inv-a": {held}},
			Standings: map[string]*Standing{"one": {Err: "answered 503"}}, Fail: []Held{{Outcome: Outcome{ID: "inv-b", Rev: 3}}}})
		w.must(err)
	}
	change()
	s, err := w.Sink(ctx(), "erp")
	w.must(err)
	there, _, err := w.NotTaken(ctx(), "erp", []string{"inv-a"})
	w.must(err)
	failed, err := w.Failed(ctx(), "erp", 10)
	w.must(err)
	standings, err := w.Standings(ctx(), "erp")
	w.must(err)
	if s.Cursor != "5-0" || len(there["inv-a"]) != 1 || len(failed) != 1 || standings["one"] == nil {
		t.Errorf("recorded are the place %q, held %v, given up %v, standings %v, want all that was to be recorded",
			s.Cursor, there, failed, standings)
	}
	w.must(w.rdb.Del(ctx(), w.key(keySinks)).Err())
	change()
	if got := w.rdb.SMembers(ctx(), w.key(keySinks)).Val(); len(got) != 1 || got[0] != "erp" {
		t.Errorf("the set of sinks is %v, want erp", got)
	}
}

func TestCheckSink_KeyHoldsRubbish_IsNamed(t *testing.T) {
	w := oneWorld(t)
	w.must(w.rdb.HSet(ctx(), w.key(keySink, "a"), "taken", "many").Err())
	w.must(w.rdb.Set(ctx(), w.key(keySinkLease, "b"), "foreign", 0).Err()) // without an end it would keep all out for ever
	w.must(w.rdb.Set(ctx(), w.key(keySinkLease, "c"), "foreign", time.Hour).Err())
	w.must(w.rdb.HSet(ctx(), w.key(keySink, "d"), "cursor", "9999999999999-0").Err())
	w.must(w.rdb.HSet(ctx(), w.key(keySink, "e"), "cursor", "5-0", "rewound", "9999999999999-0").Err()) // nothing would count as lost
	w.must(w.rdb.HSet(ctx(), w.key(keySink, "f"), "rewound", "foreign").Err())
	for sink, key := range map[string]string{"a": keySink + "a", "b": keySinkLease + "b", "c": keySinkLease + "c",
		"d": keySink + "d", "e": keySink + "e", "f": keySink + "f"} {
		if sick := SickSink(w.CheckSink(ctx(), sink)); len(sick) != 1 || sick[0].Key != key {
			t.Errorf("the sick keys are %+v, want %s", sick, key)
		}
	}
}

// Redis's clock has stepped back by days, and the outbox goes on from its last place. A sink that
// has come to this place is well, also when the outbox is empty. A sink that is ahead of this place
// is not well.
func TestCheckSink_ClockHasSteppedBack_PlacesOfTheOutboxAreRight(t *testing.T) {
	w := oneWorld(t).telling(1000)
	last := PlaceOf(w.now().Add(72 * time.Hour))
	w.must(w.rdb.XAdd(ctx(), &redis.XAddArgs{Stream: w.key(keyOutbox), ID: last, Values: []any{"id", "inv-a", "rev", 1}}).Err())
	w.must(w.rdb.HSet(ctx(), w.key(keySink, "well"), "cursor", last).Err())
	w.must(w.rdb.HSet(ctx(), w.key(keySink, "ahead"), "cursor", PlaceOf(w.now().Add(73*time.Hour))).Err())
	for _, length := range []string{"one outcome", "none"} {
		w.must(w.CheckSink(ctx(), "well"))
		if sick := SickSink(w.CheckSink(ctx(), "ahead")); len(sick) != 1 || sick[0].Key != keySink+"ahead" {
			t.Errorf("with %s in the outbox the sick keys are %+v, want the place that is ahead", length, sick)
		}
		w.must(w.rdb.XTrimMaxLen(ctx(), w.key(keyOutbox), 0).Err())
	}
}

// Another program wrote the outbox. A reader is told which key it is.
func TestOutbox_KeyIsSick_ReadersNameIt(t *testing.T) {
	w := oneWorld(t).telling(1000)
	w.must(w.rdb.Set(ctx(), w.key(keyOutbox), "foreign", 0).Err())
	_, err := w.Outbox(ctx())
	_, errList := w.Outcomes(ctx(), "", 10)
	_, _, errBoth := w.OutcomesAndSpan(ctx(), "", 10)
	for what, err := range map[string]error{"Outbox": err, "Outcomes": errList, "OutcomesAndSpan": errBoth} {
		if err == nil || !strings.Contains(err.Error(), "the key outbox behind redis.prefix") {
			t.Errorf("%s gives the error %v, want one that names the key", what, err)
		}
	}
}

// A person deleted the records of what was given up. Each is still listed by its name, so that it
// can be sent again.
func TestFailed_RecordsAreGone_NamesAreListed(t *testing.T) {
	w := oneWorld(t)
	_, err := w.ChangeSink(ctx(), "erp", SinkChange{Fail: []Held{{Outcome: Outcome{ID: "inv-a", Rev: 7}, Err: "answered 422"}}})
	w.must(err)
	w.must(w.rdb.Del(ctx(), w.key(keySinkFailed, "erp")).Err())
	failed, err := w.Failed(ctx(), "erp", 10)
	if w.must(err); len(failed) != 1 || failed[0].ID != "inv-a" || failed[0].Rev != 7 {
		t.Errorf("given up are %+v, want one outcome of inv-a with revision 7", failed)
	}
}
