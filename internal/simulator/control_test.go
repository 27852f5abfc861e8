package simulator

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestControl_CommandFromThisMachine_IsCarriedOut(t *testing.T) {
	r := newRig(t)
	if a := r.post("/sim/faults", []byte(`[{"on":"publicKey","kind":"401"}]`)); a.status != 200 {
		t.Fatalf("the answer is %d %s, want status 200", a.status, a.body)
	}
	if a := r.get("/invoice/public/key"); a.status != 401 {
		t.Errorf("the ordered fault was not applied: the answer is %d, want 401", a.status)
	}
	before := r.get("/invoice/public/key").body
	r.post("/sim/rotate-key", []byte(""))
	if string(r.get("/invoice/public/key").body) == string(before) {
		t.Error("the public key is the same after the rotation")
	}
	r.post("/sim/clock", []byte(`{"advance":"72h"}`))
	if now := r.sim.Now(); !now.Equal(noon.Add(72 * time.Hour)) {
		t.Errorf("the simulated time is %v, want 72 hours later", now)
	}
	for path, body := range map[string]string{"/sim/faults": `[{"kind":"x"}]`, "/sim/clock": `{"advance":"-1h"}`} {
		if a := r.post(path, []byte(body)); a.status != 400 {
			t.Errorf("a faulty command to %s got status %d, want 400", path, a.status)
		}
	}
	if a := r.get("/sim/healthz"); a.status != 200 {
		t.Errorf("/sim/healthz is answered with %d, want 200", a.status)
	}
}

func TestControl_CommandFromElsewhere_IsRefused(t *testing.T) {
	r := newRig(t)
	for path, want := range map[string]int{
		"POST /sim/faults": 403, "POST /sim/clock": 403, "POST /sim/rotate-key": 403,
		"GET /sim/books": 200, "GET /sim/healthz": 200,
	} {
		method, target, _ := strings.Cut(path, " ")
		req := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader("{}"))
		req.RemoteAddr = "192.0.2.1:1234"
		rec := httptest.NewRecorder()
		r.sim.ServeHTTP(rec, req)
		if rec.Code != want {
			t.Errorf("from elsewhere, %s is answered with %d, want %d", path, rec.Code, want)
		}
	}
}

func TestBooks_OverHTTP_HaveTheDocumentedFields(t *testing.T) {
	r := newRig(t)
	r.sendBatch(faXML(sellerA, "FV/1", today), "x")
	req := r.request("GET", "/sim/books", nil)
	req.Header.Del("Authorization")
	var books map[string]json.RawMessage
	r.ok(r.do(req), &books)
	var accepted, rejected []map[string]any
	if err := errors.Join(json.Unmarshal(books["accepted"], &accepted), json.Unmarshal(books["rejected"], &rejected)); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"nip", "kind", "number", "ksef_number", "hash", "session", "at"} {
		if accepted[0][key] == nil || accepted[0][key] == "" {
			t.Errorf("the entry of an accepted invoice lacks %s", key)
		}
	}
	for _, key := range []string{"nip", "kind", "number", "code", "description", "hash", "session", "at"} {
		if rejected[0][key] == nil {
			t.Errorf("the entry of a rejected invoice lacks %s", key)
		}
	}
	for _, key := range []string{"requests", "violations", "sessions", "accounts", "faults"} {
		if len(books[key]) == 0 || string(books[key]) == "null" {
			t.Errorf("the books lack %s", key)
		}
	}
}

func TestNew_BadOptions_AreAllNamed(t *testing.T) {
	_, err := New(Options{
		Profile: "fast", Scale: -1, Delay: -1, Faults: []Fault{{Kind: "x"}},
		Accounts: []Account{{ID: "a:b", Key: "x"}, {ID: "c"}, {ID: "d", Key: "topsecret", NIP: "1"}},
	})
	var field *FieldError
	if !errors.As(err, &field) {
		t.Fatalf("New gives the error %v, want FieldErrors", err)
	}
	for _, part := range []string{"Profile", "Scale", "Delay", "Account.ID", "Account.Key", "Account.NIP", "fault.kind"} {
		contains(t, err.Error(), part)
	}
	if strings.Contains(err.Error(), "topsecret") {
		t.Error("the error contains a key")
	}
}

func TestSimulatorClose_Twice_IsLegal(t *testing.T) {
	sim, err := New(Options{KeyBits: 1024})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	}
}
