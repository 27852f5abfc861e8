package tasks

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/rs/zerolog"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/retry"
)

// A chunk or a waiting set has no entry in the ledger. So when its task fails, KSeF's words
// are stored with the tenant, where listings find them, and not in the queue.
func TestSaid_ChunkOrWaitingSetFails_TheTenantHasKSeFsWordsAndTheQueueNone(t *testing.T) {
	const planted = "Nabywca Zenobiusz Plantowany"
	answer := &ksef.APIError{Op: "send invoice", Kind: ksef.KindRefused, Status: 400, Code: 21405, Description: planted}
	payload, err := json.Marshal(map[string]any{"v": 1, "id": "c", "tenant": "Alfa", "count": 1, "ids": []string{"inv-1"}})
	if err != nil {
		t.Fatal(err)
	}
	for kind, run := range map[queue.Kind]func(*Worker) error{
		queue.KindChunk: func(w *Worker) error {
			fails := func(_ context.Context, c queue.Chunk) error { return aboutTenant(c.Tenant, answer) }
			return w.chunkHandler(fails).ProcessTask(t.Context(), asynq.NewTask(string(queue.KindChunk), payload))
		},
		queue.KindCut: func(w *Worker) error {
			fails := func(context.Context, string) error { return answer }
			group := ledger.Group{Tenant: "Alfa", Form: "v3"}.Name()
			return w.handler(queue.KindCut, fails).
				ProcessTask(t.Context(), asynq.NewTask(string(queue.KindCut), fmt.Appendf(nil, `{"v":1,"id":%q}`, group)))
		},
	} {
		t.Run(string(kind), func(t *testing.T) {
			rdb := redistest.Client(t, redistest.Start(t))
			w := NewWorker(Parts{Ledger: ledger.New(rdb, ledger.Options{}), Queue: queue.New(rdb)}, Options{Log: zerolog.Nop()})
			got := run(w)
			if got == nil || strings.Contains(got.Error(), planted) {
				t.Fatalf("the queue gets %v, want an error without KSeF's words", got)
			}
			known, err := w.Ledger.Tenant(t.Context(), "Alfa")
			if err != nil || !strings.Contains(retry.Told(got.Error(), known.Said), planted) {
				t.Errorf("a person reads %q, want KSeF's words; %v", retry.Told(got.Error(), known.Said), err)
			}
		})
	}
}
