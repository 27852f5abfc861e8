package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ksefworker/config"
	"ksefworker/internal/sample"
)

// The check reports each client's key file that cannot be used, although enqueue serve would start
// without it. It also reports a certificate that cannot be used. With that certificate enqueue
// serve would not start.
func TestCheck_FilesOfTheIntakeCannotBeUsed_AreFaultsThatNameThem(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	before := filepath.Join(dir, "before.pem")
	text, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, before, string(text))
	certificate(t, dir) // replaces cert and key; the new key does not belong to the certificate in the file before.pem
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		writeFile(t, path, text)
		return path
	}
	one, two := strings.Repeat("1", 32), strings.Repeat("2", 32)
	client := func(name, file string) config.IntakeClient {
		return config.IntakeClient{Name: name, KeyFile: file, Tenants: []string{sample.NIP(0)}}
	}
	p := newPool(t, 1, quickSim, nil)
	cfg := p.cfg
	cfg.Intake.Clients = []config.IntakeClient{
		client("good", file("good", one+"\n")), client("gone", filepath.Join(dir, "gone")), client("empty", file("empty", "# none\n")),
		client("line", file("line", two+"\nshort\n")), client("same", file("same", one+"\n")),
	}
	cfg.Intake.HTTP.TLS = config.HTTPTLS{CertFile: before, KeyFile: key}
	out, err := checkOutput(t, cfg)
	if err == nil {
		t.Error("the check found no fault")
	}
	for _, want := range []string{
		"ok     keys of intake client good\n",
		"FAULT  keys of intake client gone: read keys of intake client gone: no file " + filepath.Join(dir, "gone"),
		"FAULT  keys of intake client empty: read keys of intake client empty: file " + filepath.Join(dir, "empty") + " has no key",
		"FAULT  keys of intake client line: read keys of intake client line: file " + filepath.Join(dir, "line") + " has a key of less",
		"FAULT  keys of intake client same: file " + filepath.Join(dir, "same") + " has a key of intake client good",
		"FAULT  certificate of intake.http.tls: read intake.http.tls.cert_file " + before,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the check does not say %s:\n%s", want, out)
		}
	}

	// The certificate of the test ends in an hour.
	cfg.HTTP.TLS = config.HTTPTLS{CertFile: cert, KeyFile: key}
	cfg.Intake.Clients, cfg.Intake.HTTP.TLS = cfg.Intake.Clients[:1], cfg.HTTP.TLS
	out, err = checkOutput(t, cfg)
	if err != nil || !strings.Contains(out, "note   intake.http.tls.cert_file: the certificate in "+cert+" ends on ") ||
		!strings.Contains(out, "note   http.tls.cert_file: the certificate in "+cert+" ends on ") {
		t.Errorf("both certificates end soon, want a note about each; --check ends with %v and says\n%s", err, out)
	}
	cfg.HTTP.TLS = config.HTTPTLS{}

	// On a machine that does not run enqueue serve, the files of enqueue serve need not exist.
	cfg.Intake.Clients, cfg.Intake.HTTP.TLS = []config.IntakeClient{client("gone", filepath.Join(dir, "gone"))}, config.HTTPTLS{}
	out, err = checkOutput(t, cfg)
	if err != nil || !strings.Contains(out, "note   the files of intake") {
		t.Errorf("no file of enqueue serve is on this machine, want a note; --check ends with %v and says\n%s", err, out)
	}
}
