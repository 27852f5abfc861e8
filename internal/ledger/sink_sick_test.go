package ledger

import (
	"strings"
	"testing"
	"time"
)

// Another program wrote one of the keys of a sink. The key is named, with what to do, and the other
// sink is not concerned.
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
