package app

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/internal/redisd/redistest"
)

// planted are strings in the payloads and results of tasks. No answer of the dashboard may show
// them.
var planted = []string{"Faktura", "Kowalski", "hunter2", "upload.example"}

// busyRedis starts a Redis with a task in each of four queues. The task is pending in invoices,
// scheduled in packages, completed with a result in receipts, and archived in sessions.
func busyRedis(t testing.TB) (asynq.RedisClientOpt, *asynq.Inspector) {
	t.Helper()
	client, srv := redistest.New(t)
	opt := asynq.RedisClientOpt{Addr: srv.Addr()}
	payload, err := json.Marshal(map[string]any{
		"v": 1, "id": "inv-0001", "nip": "5265877635", "buyer": "Kowalski", "kind": "<Faktura>",
		"key": "hunter2", "part": "https://upload.example/part?sig=abc",
	})
	if err != nil {
		t.Fatal(err)
	}
	producer := asynq.NewClientFromRedisClient(client)
	enqueue := func(o ...asynq.Option) {
		t.Helper()
		if _, err := producer.Enqueue(asynq.NewTask("invoice:submit", payload), o...); err != nil {
			t.Fatal(err)
		}
	}
	enqueue(asynq.Queue("invoices"), asynq.TaskID("pending-1"))
	enqueue(asynq.Queue("packages"), asynq.TaskID("scheduled-1"), asynq.ProcessIn(time.Hour))
	enqueue(asynq.Queue("receipts"), asynq.TaskID("completed-1"), asynq.Retention(time.Hour))
	enqueue(asynq.Queue("sessions"), asynq.TaskID("archived-1"))

	server := asynq.NewServer(opt, asynq.Config{
		Concurrency: 2, Queues: map[string]int{"receipts": 1, "sessions": 1}, LogLevel: asynq.FatalLevel,
		TaskCheckInterval: 20 * time.Millisecond,
	})
	err = server.Start(asynq.HandlerFunc(func(_ context.Context, task *asynq.Task) error {
		if _, err := task.ResultWriter().Write(payload); err != nil {
			return err
		}
		if task.ResultWriter().TaskID() == "archived-1" {
			return errors.Join(errors.New("send package pkg-1: status 503"), asynq.SkipRetry)
		}
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	inspector := asynq.NewInspector(opt)
	t.Cleanup(func() { inspector.Close() })
	done := func() bool {
		completed, err := inspector.GetTaskInfo("receipts", "completed-1")
		if err != nil || completed.State != asynq.TaskStateCompleted {
			return false
		}
		archived, err := inspector.GetTaskInfo("sessions", "archived-1")
		return err == nil && archived.State == asynq.TaskStateArchived
	}
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("the tasks were not handled within 10 seconds")
		}
	}
	return opt, inspector
}

func testDashboard(t testing.TB, opt asynq.RedisConnOpt, o dashboardOptions) *Dashboard {
	t.Helper()
	d, err := newDashboard(opt, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func ask(h http.Handler, method, path string, header ...string) *http.Response {
	r := httptest.NewRequest(method, "http://127.0.0.1:8080"+path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func bodyOf(t testing.TB, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDashboard_EveryListAndTask_ShowsIDsAndNoPlantedString(t *testing.T) {
	opt, _ := busyRedis(t)
	d := testDashboard(t, opt, dashboardOptions{ReadOnly: true})
	for path, want := range map[string]string{
		"/api/queues":                                 `"queue":"invoices"`,
		"/api/queues/invoices":                        `"pending":1`,
		"/api/queues/invoices/pending_tasks":          "inv-0001",
		"/api/queues/packages/scheduled_tasks":        "inv-0001",
		"/api/queues/receipts/completed_tasks":        "inv-0001",
		"/api/queues/sessions/archived_tasks":         "status 503",
		"/api/queues/invoices/tasks/pending-1":        "5265877635",
		"/api/queues/receipts/tasks/completed-1":      "and 4 not shown",
		"/api/queues/sessions/tasks/archived-1":       "inv-0001",
		"/api/queue_stats":                            "invoices",
		"/api/servers":                                "servers",
		"/api/redis_info":                             "redis_version",
		"/api/scheduler_entries":                      "entries",
		"/api/queues/invoices/active_tasks?page=1":    "tasks",
		"/api/queues/invoices/retry_tasks?size=10000": "tasks",
	} {
		res := ask(d, "GET", "/monitoring"+path)
		body := bodyOf(t, res)
		if res.StatusCode != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: status %d, %q is not in %s", path, res.StatusCode, want, body)
		}
		for _, secret := range planted {
			if strings.Contains(body, secret) {
				t.Errorf("%s shows %q: %s", path, secret, body)
			}
		}
	}
}

func TestDashboard_Page_LoadsNothingFromOtherHostsAndRunsOnlyItsOwnScripts(t *testing.T) {
	d := testDashboard(t, asynq.RedisClientOpt{Addr: "127.0.0.1:1"}, dashboardOptions{})
	for _, path := range []string{"/", "", "/queues/invoices", "/queues/invoices/tasks/x"} {
		res := ask(d, "GET", "/monitoring"+path)
		page := bodyOf(t, res)
		if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
			t.Fatalf("the page at %q has status %d and type %s, want 200 and HTML", path, res.StatusCode, res.Header.Get("Content-Type"))
		}
		if m := regexp.MustCompile(`(?:href|src)="(?:https?:)?//[^"]*`).FindString(page); m != "" {
			t.Errorf("%q: the page loads from outside: %s", path, m)
		}
		policy := res.Header.Get("Content-Security-Policy")
		if strings.Count(policy, "'sha256-") != 2 || strings.Contains(policy, "script-src 'self' 'unsafe") ||
			strings.Contains(policy, "http") {
			t.Errorf("the page at %q has the policy %s, want its two scripts and no host", path, policy)
		}
		for name, want := range map[string]string{
			"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%q: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestDashboard_Files_HaveTheTypesThatBrowsersNeed(t *testing.T) {
	d := testDashboard(t, asynq.RedisClientOpt{Addr: "127.0.0.1:1"}, dashboardOptions{RootPath: "ops/queues/"})
	page := bodyOf(t, ask(d, "GET", "/ops/queues/"))
	scripts := regexp.MustCompile(`src="(/ops/queues/static/js/[^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(scripts) != 2 {
		t.Fatalf("the page has %d scripts under the root path, want two: %s", len(scripts), page)
	}
	types := map[string]string{
		scripts[0][1]: "application/javascript", scripts[1][1]: "application/javascript",
		"/ops/queues/favicon-16x16.png": "image/png", "/ops/queues/manifest.json": "application/json",
	}
	for path, want := range types {
		res := ask(d, "GET", path)
		if got := res.Header.Values("Content-Type"); res.StatusCode != 200 || len(got) != 1 || !strings.HasPrefix(got[0], want) {
			t.Errorf("%s: status %d, type %q, want 200 and %s", path, res.StatusCode, got, want)
		}
	}
}

func TestDashboard_CrossOriginPost_PausesNoQueue(t *testing.T) {
	opt, inspector := busyRedis(t)
	d := testDashboard(t, opt, dashboardOptions{})
	cases := []struct {
		why    string
		header []string
		status int
		paused bool
	}{
		{"a form on another site", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403, false},
		{"an old browser without Sec-Fetch-Site", []string{"Origin", "https://evil.example"}, 403, false},
		{"a sibling subdomain", []string{"Sec-Fetch-Site", "same-site", "Origin", "http://127.0.0.1:9"}, 403, false},
		{"the dashboard itself", []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://127.0.0.1:8080"}, 204, true},
	}
	for _, tc := range cases {
		t.Run(tc.why, func(t *testing.T) {
			res := ask(d, "POST", "/monitoring/api/queues/invoices:pause", tc.header...)
			info, err := inspector.GetQueueInfo("invoices")
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != tc.status || info.Paused != tc.paused {
				t.Errorf("the request to pause the queue has status %d, and the queue is paused: %v; want %d, %v",
					res.StatusCode, info.Paused, tc.status, tc.paused)
			}
		})
	}
}

func TestDashboard_ReadOnly_RefusesEveryWrite(t *testing.T) {
	opt, inspector := busyRedis(t)
	d := testDashboard(t, opt, dashboardOptions{ReadOnly: true})
	for _, write := range [][2]string{
		{"POST", "/api/queues/invoices:pause"},
		{"DELETE", "/api/queues/invoices/pending_tasks/pending-1"},
		{"POST", "/api/queues/packages/scheduled_tasks:run_all"},
		{"DELETE", "/api/queues/invoices/pending_tasks:delete_all"},
		{"POST", "/queues/invoices"},
	} {
		if res := ask(d, write[0], "/monitoring"+write[1]); res.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s %s: status %d, want 405", write[0], write[1], res.StatusCode)
		}
	}
	info, err := inspector.GetQueueInfo("invoices")
	if err != nil || info.Paused || info.Pending != 1 {
		t.Errorf("the queue invoices is %+v (error %v), want it as before: not paused, with one pending task", info, err)
	}
}

func TestIDsOnly_Payloads_KeepShortValuesOfKnownKeys(t *testing.T) {
	long := strings.Repeat("x", 129)
	for _, tc := range []struct{ why, payload, want string }{
		{"ids and counts are shown", `{"v":1,"id":"a","count":3}`, `{"count":3,"id":"a","v":1}`},
		{"a list of ids is shown", `{"ids":["a","b"]}`, `{"ids":["a","b"]}`},
		{"unknown keys are counted, not named", `{"id":"a","Kowalski":1}`, `{"id":"a"} (and 1 not shown)`},
		{"markup under a known key is not shown", `{"id":"<Faktura>"}`, `{} (and 1 not shown)`},
		{"an address under a known key is not shown", `{"part":"https://x"}`, `{} (and 1 not shown)`},
		{"a long text under a known key is not shown", `{"id":"` + long + `"}`, `{} (and 1 not shown)`},
		{"nested objects are not shown", `{"id":{"a":1}}`, `{} (and 1 not shown)`},
		{"nested lists are not shown", `{"ids":[["a"]]}`, `{} (and 1 not shown)`},
		{"a payload that is not an object is not shown", `"Kowalski"`, `(10 bytes, not shown)`},
		{"a payload that is not JSON is not shown", `<Faktura>`, `(9 bytes, not shown)`},
		{"an empty payload stays empty", ``, ``},
	} {
		if got := idsOnly([]byte(tc.payload), shownKeys); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.why, got, tc.want)
		}
	}
}
