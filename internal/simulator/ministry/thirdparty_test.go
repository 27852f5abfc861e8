package ministry

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/limits"
)

// typescriptReport is what test/thirdparty/ksef-client-ts/drive.mjs reports.
type typescriptReport struct {
	Logins []string `json:"logins"`
	Online struct {
		Session string   `json:"session"`
		Numbers []string `json:"numbers"`
		Hashes  []string `json:"hashes"`
	} `json:"online"`
	Zip      packageReport `json:"zip"`
	TarGz    packageReport `json:"targz"`
	Register struct {
		Found    int      `json:"found"`
		Hash     string   `json:"hash"`
		Sessions []string `json:"sessions"`
	} `json:"register"`
	Limits struct {
		Send     int `json:"send"`
		Invoices int `json:"invoices"`
	} `json:"limits"`
	Revoked   string `json:"revoked"`
	Rotation  string `json:"rotation"`
	Refreshed bool   `json:"refreshed"` // a token that expired between two pages was refreshed
}

type packageReport struct {
	Session        string   `json:"session"`
	Invoices       int      `json:"invoices"`
	Pages          int      `json:"pages"`
	PagesOfHundred int      `json:"pagesOfHundred"`
	Numbers        []string `json:"numbers"`
	Refused        []int    `json:"refused"`
}

// The client was written by others, and runs unmodified and without retries. Its authors have not
// read this package, so what it sends and understands is independent of us.
func TestThirdParty_KsefClientTS_LogsInSendsAndReadsWhatTheBooksHold(t *testing.T) {
	p := newThirdParty(t, map[string]int{"online": 3, "zip": 200, "targz": 200}, 0.5)
	dir := programDir(t, "ksef-client-ts")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "ksef-client-ts")); err != nil {
		t.Fatal("ksef-client-ts is missing; make thirdparty installs it")
	}
	var got typescriptReport
	p.run(t, &got, dir, "node", "drive.mjs")
	sim := p.sim
	if !slices.Equal(got.Logins, []string{"rsa", "ec", "token", "ksef certificate"}) || got.Revoked != "refused" {
		t.Errorf("the client logged in by %v and its revoked token was %s, want rsa, ec, token and ksef certificate, and refused",
			got.Logins, got.Revoked)
	}
	if got.Rotation == "" || !got.Refreshed {
		t.Errorf("the session after the rotation is %q, and a token was refreshed between two pages: %v; want a session and true",
			got.Rotation, got.Refreshed)
	}
	books := sim.Books()
	for _, c := range []struct {
		name     string
		session  string
		numbers  []string
		accepted int
	}{
		{"online", got.Online.Session, got.Online.Numbers, 3}, {"zip", got.Zip.Session, got.Zip.Numbers, 199},
		{"targz", got.TarGz.Session, got.TarGz.Numbers, 200},
	} {
		numbers := numbersOf(books, c.session)
		if len(numbers) != c.accepted || !slices.Equal(numbers, c.numbers) {
			t.Errorf("%s: the books have %d invoices and the UPO has %d, want the same %d in both",
				c.name, len(numbers), len(c.numbers), c.accepted)
		}
	}
	if got.Zip.Invoices != 200 || got.Zip.Pages != 20 || got.Zip.PagesOfHundred != 2 || !slices.Equal(got.Zip.Refused, []int{450}) {
		t.Errorf("zip: %d invoices on %d pages of 10 and %d of 100, refused %v: want 200 on 20 and 2, and one refused with 450",
			got.Zip.Invoices, got.Zip.Pages, got.Zip.PagesOfHundred, got.Zip.Refused)
	}
	newestFirst := []string{got.TarGz.Session, got.Zip.Session}
	if got.Register.Found != 402 || !slices.Equal(got.Register.Sessions, newestFirst) {
		t.Errorf("the client read the register as %+v, want 402 invoices and the sessions %v, newest first", got.Register, newestFirst)
	}
	if !slices.Contains(got.Online.Hashes, got.Register.Hash) {
		t.Errorf("the document that was downloaded is none of those that were sent")
	}
	if got.Limits.Send != 180 || got.Limits.Invoices != 10_000 {
		t.Errorf("the client read the limits as %+v, want 180 sends and 10000 invoices", got.Limits)
	}
	for _, s := range books.Sessions {
		if s.Lane == "batch" && s.Parts != 5 {
			t.Errorf("the batch session %s has %d parts in the books, want 5", s.ID, s.Parts)
		}
	}
	if len(books.Violations) > 0 {
		t.Errorf("the client broke rate limits: %+v", books.Violations)
	}
}

// goReport is what the program in test/thirdparty/go-ksef-client reports.
type goReport struct {
	Online, Zip struct {
		Session  string
		Invoices int
		Numbers  []string
	}
	Refused int
}

// The second client is generated from the contract, and refuses every answer that differs from the
// contract. It also refuses a value that is not in the contract's list of values. So
// Options.Novelty is 0 in this test.
func TestThirdParty_GoKsefClient_LogsInSendsAndReadsWhatTheBooksHold(t *testing.T) {
	p := newThirdParty(t, map[string]int{"online": 3, "zip": 200}, 0)
	dir := programDir(t, "go-ksef-client")
	program := filepath.Join(t.TempDir(), "go-ksef-client")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-C", dir, "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("cannot build the client: %v\n%s", err, out)
	}
	var got goReport
	p.run(t, &got, dir, program)
	books := p.sim.Books()
	for _, c := range []struct {
		session  string
		invoices int
		numbers  []string
		accepted int
	}{{got.Online.Session, got.Online.Invoices, got.Online.Numbers, 3}, {got.Zip.Session, got.Zip.Invoices, got.Zip.Numbers, 199}} {
		if numbers := numbersOf(books, c.session); len(numbers) != c.accepted || !slices.Equal(numbers, c.numbers) ||
			c.invoices < c.accepted {
			t.Errorf("session %s: %d invoices in the books, %d in the UPO, %d in the list, want the %d accepted ones in each",
				c.session, len(numbers), len(c.numbers), c.invoices, c.accepted)
		}
	}
	if got.Refused != 21180 {
		t.Errorf("the client saw code %d for the second close, want 21180", got.Refused)
	}
	if len(books.Violations) > 0 {
		t.Errorf("the client broke rate limits: %+v", books.Violations)
	}
}

func numbersOf(books simulator.Books, session string) []string {
	var numbers []string
	for _, a := range books.Accepted {
		if a.Session == session {
			numbers = append(numbers, a.KsefNumber)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// thirdParty is a simulator that programs of others drive, and the environment variables of these
// programs.
type thirdParty struct {
	sim *simulator.Simulator
	env []string
}

// newThirdParty starts a simulator and makes a folder for each name in invoices, with that many
// invoices in it. One invoice in the folder zip has a flaw that KSeF refuses. The clients need
// programs that many machines lack, so the tests run only with KSEF_THIRDPARTY_TEST=1, which make
// thirdparty and CI set. With that setting a missing program is an error.
func newThirdParty(t *testing.T, invoices map[string]int, novelty float64) thirdParty {
	t.Helper()
	if os.Getenv("KSEF_THIRDPARTY_TEST") != "1" {
		t.Skip("third-party clients run with KSEF_THIRDPARTY_TEST=1, or make thirdparty")
	}
	nip := sample.NIP(0)
	sim, err := simulator.New(simulator.Options{Delay: 50 * time.Millisecond, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	secret := filepath.Join(t.TempDir(), "token")
	token := Token{NIP: nip, Secret: "20261101-EC-0123456789-ABCDEF0123-4A|nip-" + nip + "|0123456789abcdef"}
	if err := os.WriteFile(secret, []byte(token.Secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// A list in pages of ten entries needs more requests in a minute than the usual limit allows.
	generous := Allowance{
		NIP: nip, Group: limits.SessionInvoiceList,
		Limits: limits.Allowance{Second: 100, Minute: 100, Hour: limits.NoLimit},
	}
	face, err := New(sim, Options{Tokens: []Token{token}, Novelty: novelty, Allowances: []Allowance{generous}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(face)
	t.Cleanup(server.Close)
	folder := t.TempDir()
	next := uint64(0)
	for name, n := range invoices {
		if err := os.Mkdir(filepath.Join(folder, name), 0o700); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			next++
			o := sample.Options{SellerNIP: nip, Seed: next, IssueDate: time.Now().Format(time.DateOnly)}
			document := sample.Invoice(o)
			if name == "zip" && i == 7 {
				document = sample.Bad(sample.UnknownKind, o)
			}
			if err := os.WriteFile(filepath.Join(folder, name, sample.FileName(o)), document, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return thirdParty{sim, []string{"KSEF_URL=" + server.URL, "KSEF_NIP=" + nip, "KSEF_TOKEN_FILE=" + secret, "KSEF_INVOICES=" + folder}}
}

func programDir(t *testing.T, name string) string {
	t.Helper()
	dir, err := filepath.Abs("../../../test/thirdparty/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// run runs a program and decodes the last line that it prints.
func (p thirdParty) run(t *testing.T, report any, dir, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	program := exec.CommandContext(ctx, name, args...)
	program.Dir = dir
	program.Env = append(os.Environ(), p.env...)
	var out, errs bytes.Buffer
	program.Stdout, program.Stderr = &out, &errs
	if err := program.Run(); err != nil {
		t.Fatalf("the program %s failed: %v\n%s%s", name, err, out.Bytes(), errs.Bytes())
	}
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	if err := json.Unmarshal(lines[len(lines)-1], report); err != nil {
		t.Fatalf("cannot read the report %s: %v", out.Bytes(), err)
	}
}
