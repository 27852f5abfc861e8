package app_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// The first lines of the log name the worker's environment, its tenants and its Redis. The log and
// readiness say what is wrong: a wrong check digit, and a folder in which no package can be built.
func TestStart_Log_NamesEnvironmentTenantsRedisAndMistakes(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, quickSim, hasty)
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, "")
	p.cfg.Packages.SpoolDir = filepath.Join(file, "spool")
	p.cfg.Tenants[1].NIP = "1234567890"
	addr, _ := p.workAt()
	conn, err := p.cfg.Redis.Conn()
	if err != nil {
		t.Fatal(err)
	}
	until(t, 20*time.Second, "a wrong check digit is logged", func() bool { return strings.Contains(p.log.String(), "wrong check digit") })
	for _, want := range []string{`"environment":"custom"`, `"tenants":["` + sample.NIP(0) + `","1234567890"]`, conn.Addr,
		"packages cannot be built: packages.spool_dir"} {
		if !strings.Contains(p.log.String(), want) {
			t.Errorf("the log does not say %s", want)
		}
	}
	ready := page(t, addr, "/readyz")
	for _, want := range []string{`"ready": false`, "packages.spool_dir", "wrong check digit"} {
		if !strings.Contains(ready, want) {
			t.Errorf("readiness does not show %s: %s", want, ready)
		}
	}
}

// A worker starts although its archive cannot be used, and its log says why receipts will wait.
func TestStart_ArchiveIsDamaged_WorkerRunsAndItsLogSaysWhy(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, hasty)
	mark := filepath.Join(p.cfg.Archive.Folder(), "archive.json")
	if err := os.MkdirAll(filepath.Dir(mark), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, mark, "")
	p.work()
	until(t, 20*time.Second, "the log says that the archive is damaged", func() bool {
		return strings.Contains(p.log.String(), "archive.json of the archive "+p.cfg.Archive.URL+" is damaged")
	})
	if !strings.Contains(p.log.String(), "the archive cannot be used: receipts wait") {
		t.Errorf("the log does not say what becomes of receipts: %s", p.log.String())
	}
}

// A reason to wait is logged once at level info, not with every try.
func TestLog_WaitingInvoices_AreLoggedOncePerReason(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		newInterceptor(t, c).set(func(*http.Request) int { return http.StatusBadGateway })
	})
	p.work()
	p.admit(intake.Terms{Lane: ledger.Express}, good(sample.NIP(0), 20)...)
	logged := func(level string) (n int) {
		for line := range strings.SplitSeq(p.log.String(), "\n") {
			if strings.Contains(line, `"level":"`+level+`"`) && strings.Contains(line, `"reason":"outage"`) &&
				strings.Contains(line, sample.NIP(0)) {
				n++
			}
		}
		return n
	}
	until(t, 60*time.Second, "the tasks have waited often", func() bool { return logged("debug") >= 20 })
	if n := logged("info"); n != 1 {
		t.Errorf("the log gives the reason outage %d times at level info, want once", n)
	}
}

func TestCheck_EncryptionOrSecretFilesAtFault_SaysWhatToDo(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, nil)
	if err := os.Chmod(p.cfg.Tenants[0].KeyFile, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, _ := checkOutput(t, p.cfg); !strings.Contains(out, "every user of this machine can read "+p.cfg.Tenants[0].KeyFile) {
		t.Errorf("the check does not say that every user can read the key file:\n%s", out)
	}
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	for url, want := range map[string]string{
		"https://" + strings.TrimPrefix(p.cfg.Gateway.URL, "http://"): "use http:// in gateway.url",
		secure.URL: "certificates",
		"http://" + strings.TrimPrefix(secure.URL, "https://"): "use https:// in gateway.url",
	} {
		cfg := p.cfg
		cfg.Gateway.URL = url
		if out, _ := checkOutput(t, cfg); !strings.Contains(out, want) {
			t.Errorf("with gateway.url %s the check does not say %q:\n%s", url, want, out)
		}
	}
}
