package app

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// browserJob is the input of test/browser/dashboard.mjs, which explains its keys.
type browserJob struct {
	Base        string            `json:"base"`
	Root        string            `json:"root,omitempty"`
	Queues      []string          `json:"queues,omitempty"`
	Task        map[string]string `json:"task,omitempty"`
	Views       []string          `json:"views,omitempty"`
	Forbidden   []string          `json:"forbidden,omitempty"`
	Login       map[string]string `json:"login,omitempty"`
	Screenshots string            `json:"screenshots,omitempty"`
	Chromium    string            `json:"chromium,omitempty"`
}

// browserReport is the output of test/browser/dashboard.mjs.
type browserReport struct {
	OK          bool     `json:"ok"`
	Faults      []string `json:"faults"`
	Answers     int      `json:"answers"`
	Unread      int      `json:"unread"`
	Screenshots []string `json:"screenshots"`
	Pages       []struct {
		Name, Path, Title string
	} `json:"pages"`
}

// browse opens the dashboard's pages in headless Chromium. This runs only with KSEF_BROWSER_TEST=1,
// because it takes seconds and needs a browser and npm packages. The Makefile (target browser) and
// CI set this variable. While the variable is set, a test fails when a program is missing.
// KSEF_BROWSER_SHOTS names a folder for screenshots.
func browse(t *testing.T, job browserJob) browserReport {
	t.Helper()
	var report browserReport
	runBrowser(t, "dashboard.mjs", func(chromium, screenshots string) any {
		if job.Chromium == "" {
			job.Chromium = chromium
		}
		job.Screenshots = screenshots
		return job
	}, &report)
	return report
}

// runBrowser runs a script of test/browser and reads its report. The function job gets the path of
// the browser and the folder for screenshots ("" for none), and returns the input of the script.
func runBrowser(t *testing.T, script string, job func(chromium, screenshots string) any, report any) {
	t.Helper()
	if os.Getenv("KSEF_BROWSER_TEST") != "1" {
		t.Skip("browser tests run with KSEF_BROWSER_TEST=1, or make browser")
	}
	missing := func(what string) {
		t.Helper()
		t.Fatalf("%s is missing; make browser installs it", what)
	}
	dir, err := filepath.Abs("../../test/browser")
	if err != nil {
		t.Fatal(err)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		missing("node")
	}
	chromium, shots := "", ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil && chromium == "" {
			chromium = found
		}
	}
	if chromium == "" {
		missing("chromium")
	}
	for _, name := range []string{"playwright-core", "axe-core"} {
		if _, err := os.Stat(filepath.Join(dir, "node_modules", name)); err != nil {
			missing(name)
		}
	}
	if folder := os.Getenv("KSEF_BROWSER_SHOTS"); folder != "" {
		shots = filepath.Join(folder, t.Name())
	}
	input, err := json.Marshal(job(chromium, shots))
	if err != nil {
		t.Fatal(err)
	}
	// A script ends itself sooner. This limit is for a browser that does not start or end.
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, script)
	cmd.WaitDelay = 5 * time.Second
	cmd.Dir = dir
	cmd.Stdin = bytes.NewReader(input)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	runErr := cmd.Run()
	if err := json.Unmarshal(stdout.Bytes(), report); err != nil {
		t.Fatalf("the browser run ended with %v and gave no report: %v\n%s", runErr, err, stderr.String())
	}
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestBrowser_Dashboard_WorksUnderItsPolicyAndShowsNoPlantedString(t *testing.T) {
	opt, _ := busyRedis(t)
	login := func(user, password string) bool { return user == "admin" && password == "s3cret" }
	base := serve(t, testHTTP(t, httpOptions{Dashboard: testDashboard(t, opt, dashboardOptions{ReadOnly: true}), Login: login}))
	report := browse(t, browserJob{
		Base: base, Queues: []string{"invoices", "packages", "receipts", "sessions"},
		Task: map[string]string{"queue": "sessions", "state": "archived", "id": "archived-1"}, Forbidden: planted,
		Views: []string{"servers", "redis", "schedulers"},
		Login: map[string]string{"username": "admin", "password": "s3cret"},
	})
	if !report.OK {
		t.Errorf("the browser found faults: %q", report.Faults)
	}
	t.Logf("%d pages, %d answers, %d unread", len(report.Pages), report.Answers, report.Unread)
}

func TestBrowser_ForbiddenString_IsFound(t *testing.T) {
	opt, _ := busyRedis(t)
	base := serve(t, testHTTP(t, httpOptions{Dashboard: testDashboard(t, opt, dashboardOptions{})}))
	report := browse(t, browserJob{Base: base, Queues: []string{"invoices"}, Forbidden: []string{"no such thing", "packages"}})
	if report.OK {
		t.Error("the script did not find a string that is on the page, so the other tests prove nothing")
	}
	for _, f := range report.Faults {
		if !bytes.Contains([]byte(f), []byte("forbidden string 1")) {
			t.Errorf("the script found a fault other than the forbidden string: %s", f)
		}
	}
}
