package httpintake

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ksefworker/internal/ledger"
)

func TestKeys_MissingWrongOrMalformed_Are401AndNothingIsTaken(t *testing.T) {
	b := newBench(t, nil)
	id := b.take(0, "FV/0", "")
	for _, head := range []string{"", "Bearer", "Bearer ", "Bearer wrong", "Basic " + keyOne, keyOne, "Bearer " + keyOne + "x", "Bearer  " +
		keyOne} {
		for _, path := range []string{"/v1/invoices", "/v1/invoices/" + id, "/v1/invoices/" + id + "/xml", "/v1/invoices/" + id + "/upo"} {
			a := b.call("GET", path, nil, "Authorization", head)
			if b.want(a, http.StatusUnauthorized, "unauthorized"); a.head.Get("WWW-Authenticate") == "" {
				t.Errorf("with Authorization %q, the answer has no WWW-Authenticate", head)
			}
		}
		b.want(b.post(xmlOf(0, "FV/1"), "", "Authorization", head), http.StatusUnauthorized, "unauthorized")
		b.want(b.call("POST", "/v1/invoices/"+id+":dismiss", nil, "Authorization", head), http.StatusUnauthorized, "unauthorized")
	}
	if n, err := b.o.Ledger.Counts(t.Context()); n["queued"] != 1 || err != nil {
		t.Errorf("%d invoices are queued, %v, want only the first one", n["queued"], err)
	}
	if strings.Contains(b.log.String(), keyOne) {
		t.Error("the log shows a key, and must not")
	}
}

func TestKeys_FileIsReplacedOrRemoved_TakesEffectWithoutARestart(t *testing.T) {
	now := monday
	b := newBench(t, func(o *Options) { o.Now = func() time.Time { return now } })
	next := "next-next-next-next-next-next"
	sum := sha256.Sum256([]byte(next))
	b.must(os.WriteFile(b.keyFile, []byte(keyOne+"\nsha256:"+hex.EncodeToString(sum[:])+"\n"), 0o600))
	now = now.Add(2 * keyCheck)
	for _, key := range []string{keyOne, next} { // while the old key is replaced, both keys work
		b.want(b.call("GET", "/v1/invoices", nil, "Authorization", "Bearer "+key), http.StatusOK, "")
	}
	b.must(os.WriteFile(b.keyFile, []byte(next+"\n"), 0o600))
	now = now.Add(2 * keyCheck)
	b.want(b.call("GET", "/v1/invoices", nil), http.StatusUnauthorized, "unauthorized")
	b.want(b.call("GET", "/v1/invoices", nil, "Authorization", "Bearer "+next), http.StatusOK, "")
	b.must(os.Remove(b.keyFile))
	now = now.Add(2 * keyCheck)
	b.want(b.call("GET", "/v1/invoices", nil, "Authorization", "Bearer "+next), http.StatusUnauthorized, "unauthorized")
	b.want(b.call("GET", "/v1/invoices", nil, "Authorization", "Bearer "+keyTwo), http.StatusOK, "")
}

// A key is removed while a call with it waits for events. The call ends like a new call, and tells
// nothing of what became final after that.
func TestKeys_RemovedDuringALongPoll_TheCallEnds(t *testing.T) {
	var later atomic.Int64
	b := newBench(t, func(o *Options) { o.Now = func() time.Time { return monday.Add(time.Duration(later.Load())) } })
	id := b.take(0, "FV/1", "")
	ended, reads := make(chan answer, 1), b.outboxReads()
	go func() { ended <- b.call("GET", "/v1/events?wait=30s", nil) }()
	for stop := time.Now().Add(20 * time.Second); b.outboxReads() < reads+2; time.Sleep(time.Millisecond) { // then it waits
		if time.Now().After(stop) {
			t.Fatalf("the call has read the outbox %d times in 20 s, want at least 2", b.outboxReads()-reads)
		}
	}
	b.must(os.WriteFile(b.keyFile, []byte("next-next-next-next-next-next\n"), 0o600))
	later.Add(int64(2 * keyCheck))
	b.move(ledger.Rejected, ledger.Because(450, "x"), id)
	select {
	case a := <-ended:
		b.want(a, http.StatusUnauthorized, "unauthorized")
	case <-time.After(20 * time.Second):
		t.Error("the call still waits 20 s after its key was removed")
	}
}

// outboxReads returns how often the outbox was read.
func (b *bench) outboxReads() (calls int) {
	b.t.Helper()
	stats, err := b.rdb.Info(b.t.Context(), "commandstats").Result()
	b.must(err)
	if _, of, ok := strings.Cut(stats, "cmdstat_xrange:calls="); ok {
		_, err = fmt.Sscanf(of, "%d", &calls)
	}
	b.must(err)
	return calls
}

// The file of the first client gets the key of the second client. The key must not open the tenant
// of the first client.
func TestKeys_FileGetsTheKeyOfAnotherClient_ItOpensNothingMoreAndTheLogSaysSo(t *testing.T) {
	now := monday
	b := newBench(t, func(o *Options) { o.Now = func() time.Time { return now } })
	for _, file := range []string{keyOne + "\n" + keyTwo + "\n", keyTwo + "\n"} {
		b.must(os.WriteFile(b.keyFile, []byte(file), 0o600))
		now = now.Add(2 * keyCheck)
		b.want(b.call("GET", "/v1/invoices?tenant=one", nil, "Authorization", "Bearer "+keyTwo), http.StatusBadRequest, "")
		b.want(b.call("GET", "/v1/invoices?tenant=two", nil, "Authorization", "Bearer "+keyTwo), http.StatusOK, "")
		want := http.StatusOK
		if !strings.Contains(file, keyOne) { // a key that was removed may have leaked
			want = http.StatusUnauthorized
		}
		b.want(b.call("GET", "/v1/invoices?tenant=one", nil), want, "")
	}
	if !strings.Contains(b.log.String(), "has a key of intake client") {
		t.Errorf("the log should say that the file has a key of another client: %s", b.log)
	}
}

// A key that is no longer in its file opens nothing, even if the file has a fault.
func TestKeys_FileHasAFaultBesideTheNewKey_TheOldOneEnds(t *testing.T) {
	const next = "b1946ac92492d2347c6235b4d2611184"
	now, in, fault := monday, []string{keyOne}, error(nil)
	b := newBench(t, func(o *Options) {
		o.Now = func() time.Time { return now }
		o.Clients[0].Keys = func() ([]string, error) { return in, fault }
	})
	for what, file := range map[string][]string{
		"a fault beside a new key": {next}, "a fault and no key": {},
		"a fault beside a new key and an invalid hash": {next, "sha256:xyz"},
	} {
		in, fault = []string{keyOne}, nil
		now = now.Add(2 * keyCheck)
		b.want(b.call("GET", "/v1/invoices", nil), http.StatusOK, "")
		in, fault = file, errors.New("one line is at fault")
		now = now.Add(2 * keyCheck)
		b.want(b.call("GET", "/v1/invoices", nil), http.StatusUnauthorized, "unauthorized")
		want := http.StatusUnauthorized
		if len(file) > 0 {
			want = http.StatusOK
		}
		if a := b.call("GET", "/v1/invoices", nil, "Authorization", "Bearer "+next); a.status != want {
			t.Errorf("%s: a call with the new key gets status %d, want %d", what, a.status, want)
		}
	}
	in, fault = nil, errors.New("the share is away")
	now = now.Add(2 * keyCheck)
	b.call("GET", "/v1/invoices", nil)
	if got := len(b.server.clients.all[0].keys); got > 1 {
		t.Errorf("the client has %d keys, want at most one", got)
	}
}
