package queue

import (
	"testing"
	"time"
)

// Sizes reads the same sizes as asynq's inspector, which needs many more commands. A key of another
// type counts as nothing, and the other queues are read as usual.
func TestSizes_AreThoseOfTheInspector_AndASickKeyHarmsNoOtherQueue(t *testing.T) {
	b := newBench(t)
	for _, id := range []string{"a", "b", "c"} {
		b.must(b.Put(t.Context(), KindReceipt, id, 0, When{}))
	}
	b.must(b.Put(t.Context(), KindReceipt, "later", 0, When{In: time.Hour}))
	b.must(b.Put(t.Context(), KindCut, "x", 0, When{}))
	b.must(b.inspect.PauseQueue(KindCut.Queue()))
	b.must(b.rdb.Set(t.Context(), keyOf(KindReceipt.Queue(), "processed"), 7, 0).Err())
	sizes := NewSizes(b.Queue)
	names, err := sizes.Queues()
	b.must(err)
	read := func() map[string]Size {
		all, err := sizes.Read(t.Context(), names)
		b.must(err)
		out := map[string]Size{}
		for _, s := range all {
			out[s.Queue] = s
		}
		return out
	}
	got := read()
	for _, name := range names {
		info, err := b.inspect.GetQueueInfo(name)
		b.must(err)
		s := got[name]
		if s.All() != info.Size || s.Pending != info.Pending || s.Scheduled != info.Scheduled || s.Paused != info.Paused ||
			int(s.Processed) != info.ProcessedTotal || s.Latency == 0 != (info.Latency == 0) ||
			(s.Latency-info.Latency).Abs() > time.Minute {
			t.Errorf("the sizes of queue %s are %+v, want those of the inspector, %+v", name, s, info)
		}
	}
	b.must(b.rdb.Del(t.Context(), keyOf(KindCut.Queue(), "pending")).Err())
	b.must(b.rdb.Set(t.Context(), keyOf(KindCut.Queue(), "pending"), "x", 0).Err())
	got = read()
	if got[KindReceipt.Queue()].Pending != 3 || got[KindCut.Queue()].Pending != 0 {
		t.Errorf("with a sick key the sizes are %+v, want 3 receipts and no cuts", got)
	}
}
