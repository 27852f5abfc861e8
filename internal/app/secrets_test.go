package app_test

import (
	"encoding/base64"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/enrol"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/ministry"
	"ksefworker/internal/testbed"
	"ksefworker/internal/testbed/bedtest"
)

// observer stands before KSeF and notes the secrets that cross the network. These are bearer tokens
// and the signatures of pre-signed addresses.
type observer struct {
	mu   sync.Mutex
	seen map[string]bool
}

var crossing = regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+|sig=[\w%-]{16,}`)

func (o *observer) note(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, secret := range crossing.FindAllString(strings.ReplaceAll(text, `\u0026`, "&"), -1) {
		o.seen[strings.TrimPrefix(secret, "sig=")] = true
	}
}

// before returns the address of a proxy before target. The observer notes the secrets that pass
// through this proxy.
func (o *observer) before(t *testing.T, target string) string {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		ErrorLog: log.New(io.Discard, "", 0), // connections are broken on purpose
		// The host stays the proxy's, so that pre-signed addresses lead here too.
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = to.Scheme, to.Host, r.In.Host
			o.note(r.In.Header.Get("Authorization") + " " + r.In.URL.RawQuery)
		},
		ModifyResponse: func(res *http.Response) error {
			body, err := io.ReadAll(res.Body)
			o.note(string(body))
			res.Body = io.NopCloser(strings.NewReader(string(body)))
			return err
		},
	}
	srv := httptest.NewServer(proxy)
	t.Cleanup(srv.Close)
	return srv.URL + to.Path
}

// A tenant that goes straight to KSeF has these secrets: the KSeF token, the private key, the
// tokens of logins, and pre-signed addresses. None of them is in the log, on a page, in what
// --check says, in Redis or in a trace. Requests of many kinds fail on the way, because errors are
// where secrets leak.
func TestSecrets_StraightToKSeF_AreNowhere(t *testing.T) {
	t.Parallel()
	byToken, byCertificate := sample.NIP(0), sample.NIP(1)
	var faults []simulator.Fault
	manners := []simulator.Fault{{Kind: simulator.Status, Code: 502}, {Kind: simulator.Reset}, {Kind: simulator.Refused, Code: 21405}}
	for i, on := range []string{
		"challenge", "loginToken", "loginXades", "loginStatus", "redeem", "openBatch", "part", "close", "send", "sessionStatus", "invoices",
		"upo", simulator.OpDownload, simulator.OpRateLimits,
	} {
		f := manners[i%len(manners)] // one fault for each operation: more faults would open circuits and delay the test
		f.On = on
		faults = append(faults, f)
	}
	faults = append(faults, simulator.Fault{Kind: simulator.TokenExpired, On: "sessionStatus", Times: 2})
	bed := bedtest.Start(t, testbed.Options{
		Redis:     redisd.Options{AppendOnly: true},
		Simulator: simulator.Options{Profile: simulator.Unlimited, Delay: 200 * time.Millisecond, Faults: faults},
		Direct:    &ministry.Options{Tokens: testbed.Tokens(byToken)},
	})
	watch := &observer{seen: map[string]bool{}}
	p := newPoolOn(t, bed, 2, func(c *config.Config) {
		hasty(c)
		if err := bed.GoDirect(c, byToken); err != nil {
			t.Fatal(err)
		}
		bed.GoDirectByCertificate(c, byCertificate)
		c.Direct.URL = watch.before(t, bed.DirectURL())
		c.Log.Level = "debug"
		if _, err := enrol.SelfSigned(*c, c.Tenants[1], "", time.Hour, time.Now()); err != nil {
			t.Fatal(err)
		}
	})
	collector := traced(p)
	var told strings.Builder
	if err := app.CheckAll(t.Context(), p.cfg, &told); err != nil {
		told.WriteString(err.Error())
	}
	addr, stop := p.workAt()
	for _, nip := range []string{byToken, byCertificate} {
		p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(nip, "B", 4)...)
		p.admit(intake.Terms{Lane: ledger.Express}, numbered(nip, "E", 3)...)
	}
	until(t, 120*time.Second, "all 14 invoices are receipted", func() bool {
		for _, path := range []string{"/readyz", "/metrics", "/monitoring/"} {
			told.WriteString(page(t, addr, path))
		}
		return p.count(receipted, 14)()
	})
	stop()
	all := map[string]string{"the log": p.log.String(), "a page or --check": told.String(), "Redis": everythingInRedis(p),
		"the traces": flushed(p, collector)}

	key, err := os.ReadFile(p.cfg.Tenants[1].PrivateKeyFile)
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string]string{
		"the KSeF token":           testbed.Token(byToken),
		"the KSeF token in Base64": base64.StdEncoding.EncodeToString([]byte(testbed.Token(byToken))),
	}
	for i, line := range strings.Split(strings.TrimSpace(string(key)), "\n") {
		if !strings.HasPrefix(line, "-----") {
			secrets["line "+string(rune('0'+i))+" of the private key"] = line
		}
	}
	watch.mu.Lock()
	defer watch.mu.Unlock()
	jwts, signatures := 0, 0
	for secret := range watch.seen {
		if strings.HasPrefix(secret, "eyJ") {
			jwts++
			secrets["a token of a login "+secret[len(secret)-8:]] = secret
		} else {
			signatures++
			secrets["the signature of an address "+secret[:4]] = secret
		}
	}
	if jwts < 6 || signatures < 2 {
		t.Fatalf("only %d tokens of logins and %d signatures crossed the network: this test proves little", jwts, signatures)
	}
	for where, text := range all {
		if len(text) < 1000 {
			t.Errorf("%s has %d bytes: this test proves little", where, len(text))
		}
		for what, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s is in %s, want it nowhere", what, where)
			}
		}
	}
	p.balanced(14)
}
