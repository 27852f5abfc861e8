package ministry

import (
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/fa/fatest"
	"ksefworker/internal/simulator/limits"
	"ksefworker/internal/simulator/xades/xadestest"
)

// wideKeys makes keys that are long enough to encrypt a real token.
func wideKeys(o *simulator.Options) { o.KeyBits = 2048 }

func (r *rig) inject(faults ...simulator.Fault) {
	r.t.Helper()
	for _, f := range faults {
		if err := r.sim.Inject(f); err != nil {
			r.t.Fatal(err)
		}
	}
}

func TestFaults_OfALogin_HoldItUpRefuseItOrLoseItsAnswer(t *testing.T) {
	r := newRig(t, Options{})
	seal := xadestest.Seal(t, nipA, noon.Add(-time.Hour))
	begin := func() begunLogin {
		t.Helper()
		var b begunLogin
		r.ok(r.sign(seal, nipA, xadestest.Options{}), http.StatusAccepted, &b)
		return b
	}
	r.inject(simulator.Fault{
		Kind: simulator.LoginStuck, For: time.Minute, NIP: nipA,
	}, simulator.Fault{Kind: simulator.LoginRefused, Code: 480, NIP: nipB})
	b := begin()
	if code, _ := r.state(b); code != 100 {
		t.Errorf("a login that is stuck has the status %d, want 100", code)
	}
	r.clock.add(time.Minute)
	if code, _ := r.state(b); code != 200 {
		t.Errorf("a minute later the login has the status %d, want 200", code)
	}
	var blocked begunLogin
	r.ok(r.sign(xadestest.Seal(t, nipB, noon.Add(-time.Hour)), nipB, xadestest.Options{}), http.StatusAccepted, &blocked)
	if code, _ := r.state(blocked); code != 480 {
		t.Errorf("a login that the fault refuses has the status %d, want 480", code)
	}

	// The answer to redeem is lost, and the tokens in it are lost too. So only another login helps.
	r.inject(simulator.Fault{On: simulator.OpRedeem, Kind: simulator.DropAnswer})
	b = begin()
	if a := r.with(b.Token.Token).post("/auth/token/redeem", nil); a.err == nil {
		t.Errorf("redeem was answered with HTTP %d, want the connection cut without an answer", a.status)
	}
	if a := r.with(b.Token.Token).post("/auth/token/redeem", nil); a.code() != 21301 {
		t.Errorf("the second redeem of the login got HTTP %d %s, want code 21301", a.status, a.body)
	}
	got := r.redeemed(r.sign(seal, nipA, xadestest.Options{}))

	// Refreshing fails for a while.
	r.inject(simulator.Fault{
		On: simulator.OpRefresh, Kind: simulator.Error500, NIP: nipA,
	}, simulator.Fault{On: simulator.OpRefresh, Kind: simulator.Status, Code: 500})
	for range 2 {
		if a := r.with(got.Refresh.Token).post("/auth/token/refresh", nil); a.status != http.StatusInternalServerError {
			t.Errorf("the refresh got HTTP %d, want 500", a.status)
		}
	}
	r.ok(r.with(got.Refresh.Token).post("/auth/token/refresh", nil), http.StatusOK, nil)
}

func TestFaults_TokenExpiredBetweenTwoPages_NeedsAnotherToken(t *testing.T) {
	r := newRig(t, Options{})
	seal := xadestest.Seal(t, nipA, noon.Add(-time.Hour))
	got := r.redeemed(r.sign(seal, nipA, xadestest.Options{}))
	user := r.with(got.Access.Token)
	sh := user.pack(zipOf(t, numbered(15)), 1, "").open().uploadAll().close()
	user.await(sh.id)
	r.inject(simulator.Fault{On: simulator.OpInvoices, Kind: simulator.TokenExpired, Skip: 1})
	path := "/sessions/" + sh.id + "/invoices"
	first := user.page(path, "")
	user.header.Set("x-continuation-token", first.Next)
	for range 2 { // the token stays expired
		if a := user.get(path); a.status != http.StatusUnauthorized {
			t.Errorf("the request for the second page got HTTP %d, want 401", a.status)
		}
	}
	var again tokens
	user.header.Del("x-continuation-token")
	r.ok(r.with(got.Refresh.Token).post("/auth/token/refresh", nil), http.StatusOK, &again)
	if second := r.with(again.Access.Token).page(path, first.Next); len(second.Invoices) != 5 {
		t.Errorf("the second page has %d invoices, want the remaining 5", len(second.Invoices))
	}
}

func TestFaults_OfSessions_AreAnsweredInTheFormOfThisFace(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	r.header.Set("X-Error-Format", "problem-details")
	session, s := r.openOnline()
	other, s2 := r.openOnline()
	r.inject(
		simulator.Fault{On: simulator.OpSend, Kind: simulator.Refused, Code: 21184, OneSession: true, Lasting: time.Minute},
		simulator.Fault{On: simulator.OpSessionStatus, Kind: simulator.Refused, Code: 21173},
		simulator.Fault{On: simulator.OpClose, Kind: simulator.Error500},
		simulator.Fault{On: simulator.OpInvoices, Kind: simulator.Status, Code: http.StatusForbidden},
		simulator.Fault{On: simulator.OpRateLimits, Kind: simulator.TooMany, For: 44 * time.Minute},
	)
	paused := r.post("/sessions/online/"+session+"/invoices", s.invoiceBody(fatest.Invoice(nipA, "FV/1", today)))
	if paused.status != http.StatusBadRequest || paused.code() != 21184 || !strings.Contains(string(paused.body), "tymczasowo") {
		t.Errorf("the send to the paused session got HTTP %d %s, want 400 with code 21184 and the word tymczasowo",
			paused.status, paused.body)
	}
	r.send(other, s2, fatest.Invoice(nipA, "FV/1", today)) // another session goes on
	if a := r.get("/sessions/" + session); a.code() != 21173 {
		t.Errorf("the session's status right after the open got HTTP %d %s, want code 21173, as the fault orders", a.status, a.body)
	}
	if a := r.post("/sessions/online/"+other+"/close", nil); a.status != http.StatusInternalServerError {
		t.Errorf("close got HTTP %d, want 500, as the fault orders", a.status)
	}
	if a := r.post("/sessions/online/"+other+"/close", nil); a.code() != 21180 {
		t.Errorf("after a close that was carried out and answered with 500, the second close got HTTP %d %s, want code 21180",
			a.status, a.body)
	}
	if a := r.get("/sessions/" + other + "/invoices"); a.status != http.StatusForbidden ||
		!strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		t.Errorf("the list of invoices got HTTP %d with the headers %s, want 403 and the HTML page of a firewall", a.status, a.header)
	}
	if a := r.get("/rate-limits"); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") != "2640" {
		t.Errorf("the request for the limits got HTTP %d with the headers %v, want 429 with Retry-After 2640", a.status, a.header)
	}
	if faults := r.sim.Books().Faults; faults[simulator.Refused] != 2 || faults[simulator.Error500] != 1 {
		t.Errorf("the books count the faults %v, want 2 refusals and 1 answer 500", faults)
	}
}

func TestFaults_LostSession_IsUnknownFromItsOpeningOn(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	r.inject(simulator.Fault{On: simulator.OpOpenOnline, Kind: simulator.Lost})
	session, s := r.openOnline()
	if a := r.get("/sessions/" + session); a.code() != 21173 {
		t.Errorf("the request for the lost session got HTTP %d %s, want code 21173", a.status, a.body)
	}
	if a := r.post("/sessions/online/"+session+"/invoices", s.invoiceBody(fatest.Invoice(nipA, "FV/1", today))); a.code() != 21173 {
		t.Errorf("the send to the lost session got HTTP %d %s, want code 21173", a.status, a.body)
	}
	var list sessionPage
	r.ok(r.get("/sessions?sessionType=Online"), http.StatusOK, &list)
	if len(list.Sessions) != 0 {
		t.Errorf("the list of sessions is %+v, want no session", list)
	}
}

func TestFaults_OfEntries_ChangeTheListsOfThisFaceToo(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	r.contract = nil // the answers that follow break the contract
	r.inject(
		simulator.Fault{Kind: simulator.ListOmit, On: simulator.OpInvoices, Number: "FV/1"},
		simulator.Fault{Kind: simulator.Unnamed, Number: "FV/2"},
		simulator.Fault{Kind: simulator.KsefNumberSplit, Number: "FV/3"},
		simulator.Fault{Kind: simulator.Undecodable, As: simulator.TextCode, Number: "FV/4"},
		simulator.Fault{Kind: simulator.Undecodable, As: simulator.OddDate, Number: "FV/5"},
	)
	sh := r.pack(zipOf(t, numbered(5)), 1, "").open().uploadAll().close()
	r.await(sh.id)
	var list struct {
		Invoices []struct {
			Ordinal    int    `json:"ordinalNumber"`
			Number     string `json:"invoiceNumber"`
			KsefNumber string `json:"ksefNumber"`
			Acquired   string `json:"acquisitionDate"`
			Status     struct {
				Code json.RawMessage `json:"code"`
			} `json:"status"`
		} `json:"invoices"`
	}
	r.ok(r.get("/sessions/"+sh.id+"/invoices"), http.StatusOK, &list)
	if len(list.Invoices) != 4 || list.Invoices[0].Ordinal != 2 || list.Invoices[0].Number != "" ||
		len(list.Invoices[1].KsefNumber) != 36 ||
		string(list.Invoices[2].Status.Code) != `"200"` || !strings.HasSuffix(list.Invoices[3].Acquired, "+0100") {
		t.Errorf("the list is %+v, want FV/2 to FV/5, each altered as its fault orders", list)
	}
}

func TestLimits_PerContext_AreCountedReportedAndEnforced(t *testing.T) {
	enforced := func(o *simulator.Options) { o.Profile = simulator.Production }
	r := newRig(t, Options{Allowances: []Allowance{{
		NIP: nipA, Group: limits.OnlineSession, Limits: limits.Allowance{Second: 2, Minute: 3, Hour: limits.NoLimit},
	}}}, enforced)
	a, b := r.loggedIn(nipA), r.loggedIn(nipB)
	var told map[string]rate
	r.ok(a.get("/rate-limits"), http.StatusOK, &told)
	if told["onlineSession"] != (rate{2, 3, -1}) || told["invoiceMetadata"] != (rate{8, 16, 20}) ||
		told["anonymous"] != (rate{60, -1, -1}) || told["global"] != (rate{-1, -1, -1}) || len(told) != 17 {
		t.Errorf("the limits reported are %+v, want 2, 3 and -1 for onlineSession, and the usual ones for the other 16 groups", told)
	}
	a.openOnline()
	a.openOnline()
	s := a.secret()
	refused := a.post("/sessions/online", m{"formCode": formFA3(), "encryption": s.info()})
	if seconds, _ := strconv.Atoi(refused.header.Get("Retry-After")); refused.status != http.StatusTooManyRequests || seconds < 1 {
		t.Errorf("the third session of a second got HTTP %d %v %s, want 429 with a Retry-After",
			refused.status, refused.header, refused.body)
	}
	for range 3 {
		b.openOnline() // another taxpayer has limits of its own
	}
	books := r.sim.Books()
	if len(books.Violations) != 1 || books.Violations[0].Account != AccountPrefix+nipA || books.Violations[0].Window != "second" {
		t.Errorf("the books have the violations %+v, want one of this account in the window second", books.Violations)
	}
	if books.Accounts["ip 127.0.0.1"][limits.Anonymous] == 0 {
		t.Errorf("the books count the accounts %v, want the logins counted for their address", books.Accounts)
	}
}

// docs/simulator.md shows a script with the faults of this face.
func TestFaults_ScriptInTheDocumentation_IsValid(t *testing.T) {
	page, err := os.ReadFile("../../../docs/simulator.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(page), "```yaml\n")
	script, _, found := strings.Cut(after, "```")
	faults, err := simulator.ParseFaults([]byte(script))
	if err != nil || !found || len(faults) < 10 {
		t.Errorf("the script has %d faults, error %v, want 10 valid ones or more", len(faults), err)
	}
}
