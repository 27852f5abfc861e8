package tasks

import (
	"context"
	"encoding/json"
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

// A chunk has no entry of its own. What KSeF said when it failed is with the tenant, from where
// listings tell it; the queue has no word of it.
func TestChunk_KSeFQuotesAnInvoiceInItsError_TheTenantHasTheWordsAndTheQueueNone(t *testing.T) {
	const planted = "Nabywca Zenobiusz Plantowany"
	rdb := redistest.Client(t, redistest.Start(t))
	w := NewWorker(Parts{Ledger: ledger.New(rdb, ledger.Options{}), Queue: queue.New(rdb)}, Options{Log: zerolog.Nop()})
	payload, err := json.Marshal(map[string]any{"v": 1, "id": "c", "tenant": "Alfa", "count": 1, "ids": []string{"inv-1"}})
	if err != nil {
		t.Fatal(err)
	}
	run := func(answer error) error {
		return w.chunkHandler(func(_ context.Context, c queue.Chunk) error { return aboutTenant(c.Tenant, answer) }).
			ProcessTask(t.Context(), asynq.NewTask(string(queue.KindChunk), payload))
	}
	got := run(&ksef.APIError{Op: "send invoice", Kind: ksef.KindRefused, Status: 400, Code: 21405, Description: planted})
	if got == nil || strings.Contains(got.Error(), planted) {
		t.Fatalf("the queue gets %v", got)
	}
	known, err := w.Ledger.Tenant(t.Context(), "Alfa")
	if err != nil || !strings.Contains(retry.Told(got.Error(), known.Said), planted) {
		t.Errorf("a person reads %q, %v", retry.Told(got.Error(), known.Said), err)
	}
}
