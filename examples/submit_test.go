package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/sample"
	"ksefworker/internal/testbed"
)

// languages are the runtimes of the examples, and how each program is called.
var languages = []struct {
	runtime string
	submit  []string
	receive []string // nil: there is none
}{
	{"bash", []string{"bash/submit.sh"}, nil},
	{"python3", []string{"python/submit.py"}, []string{"python/receive.py"}},
	{"node", []string{"node/submit.mjs"}, []string{"node/receive.mjs"}},
	// These are PHP's settings without a php.ini. With them PHP prints a warning to the caller, and
	// sends the status with it. After a warning, a program cannot set another status any more.
	{"php", []string{"-d", "display_errors=1", "php/submit.php"},
		[]string{"-d", "display_errors=1", "-d", "output_buffering=0", "-S", "127.0.0.1:PORT", "php/receive.php"}},
	{"java", []string{"java/Submit.java"}, []string{"java/Receive.java"}},
}

var ksefNumber = regexp.MustCompile(`^\d{10}-\d{8}-[0-9A-F]{12}-[0-9A-F]{2}\n$`)

// wrongDate is what a program prints about an invoice whose date is in the future: field, rule,
// value, place and hint.
var wrongDate = regexp.MustCompile(`^P_1 must not be later than today \(.*\): got "2049-12-31" at line \d+, column \d+; KSeF refuses .*\n$`)

func today() string { return time.Now().Format(time.DateOnly) }

func TestSubmit_EachLanguage_PrintsTheKSeFNumberOrSaysWhatIsWrong(t *testing.T) {
	s := newSite(t)
	n := 0
	for _, l := range languages {
		t.Run(l.runtime, func(t *testing.T) {
			runtime, err := exec.LookPath(l.runtime)
			if err != nil {
				t.Skipf("%s is not installed", l.runtime)
			}
			run := func(file, ref string) (code int, stdout, stderr string) {
				got := runProgram(t, runtime, l.submit, filepath.Dir(s.keyFile), s.url, filepath.Base(s.keyFile), file, ref)
				return got.code, got.stdout, got.stderr
			}
			write := func(name string, doc []byte) string {
				path := filepath.Join(s.dir, l.runtime+"-"+name)
				if err := os.WriteFile(path, doc, 0o600); err != nil {
					t.Fatal(err)
				}
				return path
			}
			o := sample.Options{SellerNIP: sample.NIP(0), Number: "FV/" + l.runtime, IssueDate: today()}
			good, ref := write("good.xml", sample.Invoice(o)), "SO "+l.runtime
			code, number, stderr := run(good, ref)
			if n++; code != 0 || !ksefNumber.MatchString(number) {
				t.Fatalf("a good invoice: exit code %d, printed %q, want 0 and a KSeF number: %s", code, number, stderr)
			}
			if code, again, _ := run(good, ref); code != 0 || again != number {
				t.Errorf("handed in again: exit code %d, printed %q, want 0 and the same number", code, again)
			}
			// The invoice keeps its ref. A caller who gives another ref is told so, and gets the
			// KSeF number.
			code, again, stderr := run(good, "another "+ref)
			if code != 0 || again != number || !strings.Contains(stderr, "not applied") || !strings.Contains(stderr, ref) {
				t.Errorf("with another ref: exit code %d, printed %q, want 0, the same number and a remark that names the ref: %s",
					code, again, stderr)
			}
			if code, out, stderr := run(good, ""); code != 3 || out != "" || !strings.Contains(stderr, "ref is empty") {
				t.Errorf("with an empty ref: exit code %d, printed %q, want 3, nothing, and a message about the ref: %s",
					code, out, stderr)
			}
			if code, out, stderr := run(good, "SO \xff"); code != 3 || out != "" || strings.Count(stderr, "\n") != 1 {
				t.Errorf("with a ref that is not text: exit code %d, printed %q, want 3, nothing, and a message of one line: %s",
					code, out, stderr)
			}
			o.Number, o.IssueDate = "FV/bad", "2049-12-31"
			code, out, stderr := run(write("bad.xml", sample.Invoice(o)), "SO-bad "+l.runtime)
			if code != 3 || out != "" || !wrongDate.MatchString(stderr) {
				t.Errorf("a bad invoice: exit code %d, printed %q, want 3, nothing, and what is wrong with P_1 and where: %s",
					code, out, stderr)
			}
		})
	}
	for _, err := range testbed.AuditBooks(s.bed.Simulator.Books()).Balance(n) {
		t.Error(err)
	}
}
