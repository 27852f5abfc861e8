package ledger

import (
	"strings"
	"testing"
	"time"
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
				t.Errorf("the sick keys are %+v, want %ssick with what to do", sick, k.key)
			}
			w.must(w.CheckSink(ctx(), "well"))
		})
	}
}

func TestCheckSink_KeyHoldsRubbish_IsNamed(t *testing.T) {
	w := oneWorld(t)
	w.must(w.rdb.HSet(ctx(), w.key(keySink, "a"), "taken", "many").Err())
	w.must(w.rdb.Set(ctx(), w.key(keySinkLease, "b"), "foreign", 0).Err()) // without an end it would keep all out for ever
	for sink, key := range map[string]string{"a": keySink + "a", "b": keySinkLease + "b"} {
		if sick := SickSink(w.CheckSink(ctx(), sink)); len(sick) != 1 || sick[0].Key != key {
			t.Errorf("the sick keys are %+v, want %s", sick, key)
		}
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
