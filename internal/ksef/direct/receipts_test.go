package direct

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"

	"ksefworker/internal/ksef"
)

// counting is a gate that notes the group of each request.
type counting struct {
	mu     sync.Mutex
	groups []ksef.Group
}

func (c *counting) Enter(_ context.Context, g ksef.Group) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.groups = append(c.groups, g)
	return nil
}
func (*counting) Leave(context.Context, ksef.Group, ksef.Outcome) {}

const receiptXML = `<?xml version="1.0" encoding="UTF-8"?><Potwierdzenie><NumerReferencyjnySesji>s</NumerReferencyjnySesji></Potwierdzenie>`

// store starts a KSeF whose session has a receipt at a pre-signed address. It returns a client, the
// client's gate, and a function that lists the path and the Authorization header of each request.
func store(t *testing.T, presigned http.HandlerFunc, expires string) (*Client, *counting, func() []string) {
	t.Helper()
	var mu sync.Mutex
	var seen []string
	mux := http.NewServeMux()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = append(seen, r.URL.Path+" "+r.Header.Get("Authorization"))
		mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	mux.HandleFunc("GET /v2/sessions/{id}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"status":{"code":200},"invoiceCount":0,"upo":{"pages":[{"referenceNumber":"u","downloadUrl":"%s/storage/upo.xml?sig=geheim",
			"downloadUrlExpirationDate":"%s"}]}}`, srv.URL, expires)
	})
	mux.HandleFunc("GET /v2/sessions/{id}/upo/u", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, receiptXML) })
	mux.HandleFunc("GET /storage/upo.xml", presigned)
	gate := &counting{}
	api, err := New(Options{BaseURL: srv.URL + "/v2", Gate: gate})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.CloseIdleConnections)
	return api.Sender(&issued{tokens: []string{jwt}}, nil), gate, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), seen...)
	}
}

func TestSessionUPO_AfterItsStatus_CostsNoCountedRequestAndShowsNoToken(t *testing.T) {
	c, gate, seen := store(t, func(w http.ResponseWriter, _ *http.Request) {
		sum := sha256.Sum256([]byte(receiptXML))
		w.Header().Set("x-ms-meta-hash", b64(sum[:]))
		fmt.Fprint(w, receiptXML)
	}, "2100-01-01T00:00:00Z")
	info, err := c.SessionStatus(ctx, session)
	if err != nil || !info.Counted || !info.Tallied() {
		t.Fatalf("the session's status is %+v, error %v, want a finished session with its counts", info, err)
	}
	raw, err := c.SessionUPO(ctx, session)
	if err != nil || string(raw) != receiptXML {
		t.Fatalf("the receipt is %s, error %v, want the one at the pre-signed address", raw, err)
	}
	if want := []ksef.Group{ksef.GroupSessionMisc, ksef.GroupNone}; !reflect.DeepEqual(gate.groups, want) {
		t.Errorf("the requests were counted against %q, want the status request only", gate.groups)
	}
	if got := seen()[1]; got != "/storage/upo.xml " {
		t.Errorf("the second request was %q, want the pre-signed address without a token", got)
	}
}

func TestSessionUPO_AddressDoesNotServe_TheAPIIsAsked(t *testing.T) {
	for why, c := range map[string]struct {
		answer  http.HandlerFunc
		expires string
	}{
		"expired": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, "2100-01-01T00:00:00Z"},
		"garbled": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("x-ms-meta-hash", b64(make([]byte, 32)))
			fmt.Fprint(w, receiptXML)
		}, "2100-01-01T00:00:00Z"},
		"a page": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>sig=geheim</html>") }, "2100-01-01T00:00:00Z"},
	} {
		cl, _, seen := store(t, c.answer, c.expires)
		raw, err := cl.SessionUPO(ctx, session)
		if err != nil || string(raw) != receiptXML {
			t.Errorf("with an address that is %s the receipt is %s, error %v, want the one of the API", why, raw, err)
		}
		if got := seen(); len(got) != 3 || got[2] != "/v2/sessions/"+session+"/upo/u Bearer "+jwt {
			t.Errorf("with an address that is %s KSeF got the requests %q, want three, the last one to the API with the token", why, got)
		}
		if _, err := cl.Presigned(ctx, cl.receipt(t)); err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("with an address that is %s the error is %v, want one without the address's signature", why, err)
		}
	}
}

// receipt asks for the address of the session's receipt.
func (c *Client) receipt(t *testing.T) Secret {
	t.Helper()
	if _, err := c.SessionStatus(ctx, session); err != nil {
		t.Fatal(err)
	}
	return c.receipts.of(session)[0].url
}

func TestSessionUPO_ExpiredAddress_IsNotUsed(t *testing.T) {
	c, _, _ := store(t, func(w http.ResponseWriter, _ *http.Request) {
		t.Error("the client used the expired address")
		w.WriteHeader(403)
	}, "2020-01-01T00:00:00Z")
	if _, err := c.SessionStatus(ctx, session); err != nil {
		t.Fatal(err)
	}
	if got := c.receipts.of(session); got != nil {
		t.Errorf("the client kept the addresses %v, want none that has expired", got)
	}
}

// By this machine's clock every address has expired when it arrives.
func TestSessionUPO_ClockIsAhead_TheReceiptIsFetchedAllTheSame(t *testing.T) {
	for why, status := range map[string]int{"the address serves": 200, "the address does not serve": 403} {
		c, _, _ := store(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, receiptXML)
		}, "2020-01-01T00:00:00Z")
		if raw, err := c.SessionUPO(ctx, session); err != nil || string(raw) != receiptXML {
			t.Errorf("when %s, the receipt is %s, error %v, want it fetched", why, raw, err)
		}
	}
}

func TestSessionUPO_NotThereYet_IsRefused(t *testing.T) {
	c, _ := sender(t, ok(`{"status":{"code":170}}`))
	if e := apiError(t, second(c.SessionUPO(ctx, session))); e.Kind != ksef.KindRefused || e.Code != ksef.CodeUPONotThere || e.MaybeDone {
		t.Errorf("the error is %+v, want KindRefused with the code for a receipt that is not there yet", *e)
	}
}
