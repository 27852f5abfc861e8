package gateway_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/gateway"
)

func TestKey_Replaced_IsReadForEachRequest(t *testing.T) {
	rec := answers(200, "application/json", `{"result":true}`)
	keys := []string{"old", "new"}
	c, _ := serve(t, rec, func(o *gateway.Options) {
		o.Key = func() (string, error) { k := keys[0]; keys = keys[1:]; return k, nil }
	})
	for range 2 {
		if err := c.CloseSession(soon(t), "s", true); err != nil {
			t.Fatal(err)
		}
	}
	for i, key := range []string{"old", "new"} {
		if got := rec.all()[i].header.Get("Authorization"); got != "Basic "+b64([]byte(keyID+":"+key)) {
			t.Errorf("request %d has the header Authorization %q, want the key that was read for this request", i, got)
		}
	}
}

func TestKey_Unusable_NothingIsSent(t *testing.T) {
	gone := errors.New("file is gone")
	rec, gate := answers(200, "application/json", `{"result":true}`), &recordingGate{}
	for why, key := range map[string]func() (string, error){
		"it can't be read":       func() (string, error) { return "", gone },
		"it is empty":            func() (string, error) { return "", nil },
		"it ends in a line feed": func() (string, error) { return "k\n", nil },
		"it has a NUL":           func() (string, error) { return "k\x00y", nil },
		"it is not text":         func() (string, error) { return "k\xff", nil },
	} {
		c, _ := serve(t, rec, func(o *gateway.Options) { o.Key = key; o.Gate = gate })
		err := c.CloseSession(soon(t), "s", true)
		if e := apiError(t, err); e.Kind != ksef.KindLocal || e.MaybeDone || gate.last(t).Outage {
			t.Errorf("the key is unusable (%s), and the error is %v, want KindLocal and no outage", why, e)
		}
		if strings.HasSuffix(why, "read") && !errors.Is(err, gone) {
			t.Errorf("the error does not keep the cause that the key cannot be read: %v", err)
		}
	}
	if n := len(rec.all()); n != 0 {
		t.Errorf("%d requests were sent without a usable key, want none", n)
	}
}

func TestNew_ManyFaults_AreReportedAtOnce(t *testing.T) {
	_, err := gateway.New(gateway.Options{
		BaseURL: "https://u:pa55@x.test/?q", KeyID: "a:b", App: "x\r\ny", Timeout: -1, MaxResponse: -1,
		MaxDownload: -1,
	})
	var text string
	if err != nil {
		text = err.Error()
	}
	for _, field := range []string{"BaseURL", "KeyID", "Key:", "App", "Timeout", "MaxResponse", "MaxDownload"} {
		if !strings.Contains(text, field) {
			t.Errorf("the error does not name the faulty option %s: %q", field, text)
		}
	}
	if strings.Contains(text, "pa55") {
		t.Errorf("the error quotes the password: %q", text)
	}
	var fault *gateway.OptionError
	if !errors.As(err, &fault) || fault.Unwrap() == nil {
		t.Errorf("the error is %v (%T), want an *OptionError with a cause", err, err)
	}
	for _, url := range []string{"", "ksefapi.pl/api", "ftp://x.test", "http://", "https://x.test/#f", "http://x.test?", "http://[::1"} {
		if _, err := gateway.New(options(url)); err == nil {
			t.Errorf("New accepts the address %q", url)
		}
	}
	for _, url := range []string{gateway.TestURL, gateway.ProductionURL, "http://127.0.0.1:9090"} {
		if _, err := gateway.New(options(url)); err != nil {
			t.Errorf("New refuses the address %q: %v", url, err)
		}
	}
}

func TestConnections_ManyRequests_ReuseOne(t *testing.T) {
	addresses := map[string]bool{}
	c, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		addresses[r.RemoteAddr] = true
		_, _ = io.Copy(w, bytes.NewReader([]byte(`{"result":true}`)))
	}))
	for range 5 {
		if err := c.CloseSession(soon(t), "s", true); err != nil {
			t.Fatal(err)
		}
	}
	if len(addresses) != 1 {
		t.Errorf("%d connections were opened for 5 requests, want 1", len(addresses))
	}
}
