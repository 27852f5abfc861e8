package app

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/hibiken/asynq"
)

func testHTTP(t testing.TB, o httpOptions) http.Handler {
	t.Helper()
	if o.Addr == "" {
		o.Addr = "127.0.0.1:8080"
	}
	s, err := newHTTP(o)
	if err != nil {
		t.Fatal(err)
	}
	return s.Handler
}

func TestHTTP_HealthAndReadiness_SayWhatIsWrong(t *testing.T) {
	unhealthy := testHTTP(t, httpOptions{
		Health: func(context.Context) error { return errors.New("the task server has stopped") },
		Ready: func(ctx context.Context) Readiness {
			if _, bounded := ctx.Deadline(); !bounded {
				t.Error("a readiness check has no deadline")
			}
			return readinessOf(Check{Name: "redis", OK: true}, Check{Name: "gateway", Detail: "no answer since 12:00"})
		},
	})
	res := ask(unhealthy, "GET", "/healthz")
	if body := bodyOf(t, res); res.StatusCode != 503 || !strings.Contains(body, "has stopped") {
		t.Errorf("/healthz of an unhealthy worker answers %d %s, want 503 and what has stopped", res.StatusCode, body)
	}
	res = ask(unhealthy, "GET", "/readyz")
	var got Readiness
	if err := json.Unmarshal([]byte(bodyOf(t, res)), &got); err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 503 || got.Ready || len(got.Checks) != 2 || got.Checks[1].Detail != "no answer since 12:00" {
		t.Errorf("/readyz of a worker that is not ready answers %d %+v, want 503, not ready, and both checks", res.StatusCode, got)
	}
	healthy := testHTTP(t, httpOptions{})
	for _, path := range []string{"/healthz", "/readyz", "/"} {
		if res := ask(healthy, "GET", path); res.StatusCode != 200 {
			t.Errorf("%s: status %d, want 200", path, res.StatusCode)
		}
	}
	for _, path := range []string{"/metrics", "/monitoring/", "/favicon.ico"} {
		if res := ask(healthy, "GET", path); res.StatusCode != 404 {
			t.Errorf("%s, which this worker does not serve: status %d, want 404", path, res.StatusCode)
		}
	}
	if res := ask(healthy, "POST", "/healthz"); res.StatusCode != 405 {
		t.Errorf("POST /healthz is answered with %d, want 405", res.StatusCode)
	}
}

func TestHTTP_LoopbackAddress_AnswersToItsOwnNamesOnly(t *testing.T) {
	local := testHTTP(t, httpOptions{})
	everyone := testHTTP(t, httpOptions{Addr: "0.0.0.0:8080"})
	for host, want := range map[string]int{
		"127.0.0.1:8080": 200, "localhost:8080": 200, "LOCALHOST": 200, "localhost.": 200, "[::1]:8080": 200, "[::1]": 200,
		"evil.example:8080": 421, "127.0.0.1.evil.example": 421, "localhost.evil.example:8080": 421, "10.0.0.1:8080": 421, "": 421,
	} {
		if got := askAs(local, host); got != want {
			t.Errorf("loopback listener, Host %q: status %d, want %d", host, got, want)
		}
		if got := askAs(everyone, host); got != 200 {
			t.Errorf("listener on all addresses, Host %q: status %d, want 200", host, got)
		}
	}
}

func askAs(h http.Handler, host string) int {
	return ask(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = host
		h.ServeHTTP(w, r)
	}), "GET", "/healthz").StatusCode
}

func TestHTTP_DashboardBeyondLoopback_NeedsALogin(t *testing.T) {
	d := testDashboard(t, asynq.RedisClientOpt{Addr: "127.0.0.1:1"}, dashboardOptions{})
	for _, addr := range []string{":8080", "0.0.0.0:8080", "[::]:8080", "10.1.2.3:80", "worker.internal:80"} {
		if _, err := newHTTP(httpOptions{Addr: addr, Dashboard: d}); !errors.Is(err, ErrNoLogin) {
			t.Errorf("a dashboard at %s without a login: the error is %v, want ErrNoLogin", addr, err)
		}
	}
	if _, err := newHTTP(httpOptions{Addr: "nowhere"}); err == nil {
		t.Error("newHTTP takes an address without a port, want an error")
	}
	login := func(user, password string) bool { return user == "admin" && password == "s3cret" }
	h := testHTTP(t, httpOptions{Addr: "0.0.0.0:8080", Dashboard: d, Login: login})
	const right, wrong = "Basic YWRtaW46czNjcmV0", "Basic YWRtaW46d3Jvbmc="
	for _, path := range []string{"/monitoring/", "/monitoring/api/redis_info", "/monitoring/static/js/x.js"} {
		for _, header := range [][]string{nil, {"Authorization", wrong}, {"Authorization", "Bearer x"}} {
			res := ask(h, "GET", path, header...)
			if res.StatusCode != 401 || !strings.HasPrefix(res.Header.Get("WWW-Authenticate"), "Basic realm=") {
				t.Errorf("%s with %v: status %d and WWW-Authenticate %q, want 401 and Basic", path, header, res.StatusCode,
					res.Header.Get("WWW-Authenticate"))
			}
		}
	}
	if res := ask(h, "GET", "/monitoring/", "Authorization", right); res.StatusCode != 200 {
		t.Errorf("with the right login: status %d, want 200", res.StatusCode)
	}
	// Supervisors and Prometheus have no login.
	if res := ask(h, "GET", "/healthz"); res.StatusCode != 200 {
		t.Errorf("/healthz without a login: status %d, want 200", res.StatusCode)
	}
}

func TestHTTP_Server_HasEveryTimeoutAndSizeLimit(t *testing.T) {
	s, err := newHTTP(httpOptions{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= readyTimeout ||
		s.IdleTimeout <= 0 || s.MaxHeaderBytes > 1<<16 {
		t.Errorf("the server lacks a timeout or a size limit: %+v", s)
	}
}

func TestHTTP_Index_LinksWhatIsServed(t *testing.T) {
	d := testDashboard(t, asynq.RedisClientOpt{Addr: "127.0.0.1:1"}, dashboardOptions{})
	body := bodyOf(t, ask(testHTTP(t, httpOptions{Dashboard: d}), "GET", "/"))
	for _, link := range []string{`"/healthz"`, `"/readyz"`, `"/monitoring/"`} {
		if !strings.Contains(body, link) {
			t.Errorf("%s is not linked in %s", link, body)
		}
	}
	if strings.Contains(body, "/metrics") {
		t.Error("metrics are linked but not served")
	}
}
