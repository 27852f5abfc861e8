package oidc

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/sample"
	"ksefworker/internal/testbed"
	"ksefworker/internal/testbed/bedtest"
)

// site is a worker as a process of its own, with Redis and a simulator of KSeF.
type site struct {
	t        *testing.T
	url      string // of the page
	program  string
	settings string // file
	op       *provider

	mu  sync.Mutex
	log bytes.Buffer
}

// build makes the worker's program once.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "oidc")
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "worker")
	out, err := exec.Command("go", "build", "-C", filepath.Join("..", ".."), "-o", program, "./cmd/worker").CombinedOutput()
	if err != nil {
		return string(out), err
	}
	return program, nil
})

func TestMain(m *testing.M) {
	status := m.Run()
	if program, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(program))
	}
	os.Exit(status)
}

// newSite starts a provider of logins, and prepares a worker without starting it.
func newSite(t *testing.T) *site {
	t.Helper()
	program, err := build()
	if err != nil {
		t.Fatalf("the worker cannot be built: %v\n%s", err, program)
	}
	bed := bedtest.Start(t, testbed.Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	s := &site{t: t, url: "http://" + addr, program: program, settings: filepath.Join(t.TempDir(), "worker.yaml")}
	s.op = newProvider(t, s.url)
	c := bed.Config(2)
	c.HTTP.Addr = addr
	c.Redis.AllowVolatile = true
	c.HTTP.Dashboard.ReadOnly = false
	c.HTTP.OIDC.Issuer, c.HTTP.OIDC.ClientID, c.HTTP.OIDC.Title = s.op.issuer(), clientID, "Office"
	c.HTTP.OIDC.ClientSecretFile = s.file("oidc_secret", secret)
	c.HTTP.OIDC.RedirectURL = s.url + config.OIDCReturnPath
	c.HTTP.OIDC.PostLogoutRedirectURL = s.url + "/login"
	c.HTTP.OIDC.Groups = []config.OIDCGroup{
		{Group: "it", Tenants: []string{config.AllTenants}, Role: config.Operator},
		{Group: "accounting", Tenants: []string{sample.NIP(0)}},
	}
	c.HTTP.Users = []config.User{{Name: "local user", PasswordFile: s.file("password", password), Tenants: []string{config.AllTenants}}}
	if err := testbed.WriteConfig(s.settings, c); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) file(name, text string) string {
	s.t.Helper()
	path := filepath.Join(filepath.Dir(s.settings), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// run starts the worker and waits until its page answers.
func (s *site) run() {
	s.t.Helper()
	cmd := exec.Command(s.program, "--config", s.settings)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.t.TempDir()}
	out, err := cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd.Stdout = cmd.Stderr
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			s.mu.Lock()
			s.log.WriteString(lines.Text() + "\n")
			s.mu.Unlock()
		}
	}()
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		<-read
		if err := cmd.Wait(); err != nil {
			s.t.Errorf("the worker ended with %v:\n%s", err, s.logged())
		}
	})
	s.until("the worker answers", func() bool {
		res, err := http.Get(s.url + "/healthz")
		if err == nil {
			_ = res.Body.Close()
		}
		return err == nil
	})
}

// until waits, for 30 seconds at most, until the condition is true. It polls because the worker is
// another process.
func (s *site) until(what string, so func() bool) {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); !so(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("30 seconds have passed and this is still not true: %s\n%s", what, s.logged())
		}
	}
}

func (s *site) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// check runs worker --check and returns what it prints.
func (s *site) check() string {
	s.t.Helper()
	cmd := exec.Command(s.program, "--config", s.settings, "--check")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.t.TempDir()}
	out, _ := cmd.CombinedOutput()
	return string(out)
}

// browser follows redirects, keeps cookies, and remembers where it was.
type browser struct {
	s       *site
	client  *http.Client
	at      *url.URL
	visited []string
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	b := &browser{s: s}
	b.client = &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		b.visited = append(b.visited, r.URL.String())
		return nil
	}}
	return b
}

func (b *browser) do(res *http.Response, err error) (int, string) {
	b.s.t.Helper()
	if err != nil {
		b.s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.s.t.Fatal(err)
	}
	b.at = res.Request.URL
	return res.StatusCode, string(body)
}

// get asks for a path of the page, or for a whole address.
func (b *browser) get(path string) (int, string) {
	b.s.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = b.s.url + path
	}
	return b.do(b.client.Get(path))
}

func (b *browser) post(address string, form url.Values) (int, string) {
	b.s.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.s.url + address
	}
	return b.do(b.client.PostForm(address, form))
}

var requestID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// signIn presses the button of the login and fills in the provider's form.
func (b *browser) signIn(name, next string) (int, string) {
	b.s.t.Helper()
	status, body := b.get("/login/oidc?next=" + url.QueryEscape(next))
	id := requestID.FindStringSubmatch(body)
	if status != http.StatusOK || b.at.Host != b.s.op.address || id == nil {
		b.s.t.Fatalf("the login leads to status %d at %s, want the provider's form: %s\n%s", status, b.at, body, b.s.logged())
	}
	return b.post(b.s.op.issuer()+"/login/username", url.Values{"username": {name}, "password": {password}, "id": {id[1]}})
}

// lines returns the lines of the log whose message contains this text.
func (s *site) lines(message string) (found []map[string]any) {
	for line := range strings.Lines(s.logged()) {
		var e map[string]any
		if json.Unmarshal([]byte(line), &e) != nil {
			continue
		}
		if text, _ := e["message"].(string); strings.Contains(text, message) {
			found = append(found, e)
		}
	}
	return found
}
