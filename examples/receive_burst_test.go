package examples

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// After an outage a worker has thousands of results for a receiver. It makes 32 calls at the same
// time, and uses their connections again. The receiver has to take all, without a connection for
// each call.
func TestReceive_ManyCallsAtOnce_EachLanguageTakesAll(t *testing.T) {
	t.Parallel()
	const callers, each = 32, 10
	eachReceiver(t, func(t *testing.T, r receiver) {
		r.mkdir(t)
		var made, left atomic.Int64
		client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: callers, MaxConnsPerHost: callers}}
		defer client.CloseIdleConnections()
		call := func(body string) error {
			req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				GotConn: func(got httptrace.GotConnInfo) {
					if !got.Reused {
						made.Add(1)
					}
				},
			}), http.MethodPost, "http://127.0.0.1:"+r.port, strings.NewReader(body))
			if err != nil {
				return err
			}
			at := strconv.FormatInt(time.Now().Unix(), 10)
			req.Header = http.Header{"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {at},
				"Webhook-Signature": {sign(goodKey, "msg_1", at, body)}}
			answer, err := client.Do(req)
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			if answer.StatusCode != http.StatusNoContent {
				return fmt.Errorf("status %d", answer.StatusCode)
			}
			_, err = io.Copy(io.Discard, answer.Body)
			return err
		}
		left.Store(callers * each)
		begun := time.Now()
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				for n := left.Add(-1); n >= 0; n = left.Add(-1) {
					if err := call(fmt.Sprintf(`{"id":"inv-%d"}`, n)); err != nil {
						t.Errorf("result %d: %v", n, err)
					}
				}
			})
		}
		wg.Wait()
		t.Logf("%.0f results a second, %d connections", callers*each/time.Since(begun).Seconds(), made.Load())
		kept := r.keptLines(t)
		slices.Sort(kept)
		if n := len(slices.Compact(kept)); len(kept) != callers*each || n != len(kept) {
			t.Errorf("%d lines are kept, of %d different results, want %d of both", len(kept), n, callers*each)
		}
		// PHP's own server, which is meant for development, ends each connection.
		if n := made.Load(); n > callers && !strings.HasSuffix(t.Name(), "/php") {
			t.Errorf("%d connections were made by %d callers, want at most one for each caller", n, callers)
		}
	})
}
