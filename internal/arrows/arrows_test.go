package arrows

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "ksefworker"

// The layers of the tree. A package may import what its line names and nothing else of this module.
// A package without a line fails the test, so that its author says where it belongs.
var (
	// The Ministry's numbers, and the singular and plural of counts. Packages of any layer may
	// import them.
	page     = []string{"internal/ksef/numbers", "internal/plural"}
	document = join(page, []string{"internal/invoice"})
	// Tracing. Any package that moves an invoice may record where the invoice is.
	trail = []string{"internal/tracing"}
	tools = []string{
		"internal/ledger", "internal/ratelimit", "internal/ratelimit/lua", "internal/ksef", "internal/retry", "internal/pack",
		"internal/archive", "internal/shell",
	}
	machinery = join(tools, document)
	clients   = []string{"internal/ksef/gateway", "internal/ksef/direct"}
	network   = []string{"internal/ksef/httponce"}
	standins  = join(direct, []string{"internal/sample", "internal/redisd"})
	// The simulator, the Ministry's API that it serves beside the gateway's, and what configures
	// that API.
	direct = []string{"internal/simulator", "internal/simulator/ministry", "internal/simulator/login", "internal/simulator/limits"}
	// forPeople are packages for what people read: words about codes, QR codes, records, proofs,
	// reports.
	forPeople = []string{"internal/explain", "internal/qrcode", "internal/records", "internal/proof", "internal/report"}
	// testbed starts the stand-ins together.
	testbed = join([]string{"internal/testbed"}, standins)

	mayImport = map[string][]string{
		"cmd/worker": join([]string{"config", "internal/app", "internal/arguments", "internal/buildinfo", "internal/connect"}, trail),
		"cmd/demo":   {"internal/demo", "internal/buildinfo"},
		// enqueue shows results and ledger states to people, so it needs their types.
		"cmd/enqueue": join([]string{"config", "internal/arguments", "internal/buildinfo", "internal/connect", "internal/actions",
			"internal/audit",
			"internal/enrol", "internal/ksef/direct", "internal/inquiry", "internal/results/sinks", "internal/intake",
			"internal/httpintake", "internal/watch", "internal/queue", "internal/results", "internal/waiting", "internal/ledger",
			"internal/shell"}, forPeople, document, trail),
		"cmd/simulator": join([]string{"internal/arguments", "internal/buildinfo"}, direct),

		// bedtest links the package testing of Go, so only tests may import bedtest.
		"internal/testbed/bedtest": {"internal/testbed", "internal/simulator/keytest"},

		// The stand-ins are linked into the demo and the simulator only, never into worker or
		// enqueue.
		"internal/demo":    join([]string{"config", "internal/app", "internal/connect", "internal/shell"}, testbed, document),
		"internal/testbed": join([]string{"config"}, standins),
		"internal/app": join([]string{"config", "internal/actions", "internal/figures", "internal/inquiry", "internal/page",
			"internal/oidc",
			"internal/report", "internal/buildinfo", "internal/connect", "internal/intake", "internal/tasks", "internal/queue",
			"internal/waiting"}, machinery, network, trail,
			[]string{"internal/ksef/direct", "internal/ksef/direct/login", "internal/results/sinks", "internal/results/sinks/postgres",
				"internal/records", "internal/results"}),
		// What worker and command line share: Redis, ledger, queue and archive, opened from the
		// configuration.
		"internal/connect": join([]string{"config", "internal/audit", "internal/intake", "internal/queue", "internal/waiting",
			"internal/ksef/direct/login", "internal/xades", "internal/archive/bundle"}, machinery, clients, trail),
		"internal/tracing": nil,
		"internal/intake":  join([]string{"internal/queue", "internal/results"}, machinery, trail),
		"internal/tasks": join([]string{"internal/queue", "internal/results", "internal/settlement", "internal/archive/bundle"},
			machinery, trail),
		// The queue of tasks, on asynq. It says when a task runs. It needs the ledger for the
		// invoices that it queues tasks for, and for the error of a full Redis.
		"internal/queue": {"internal/ledger", "internal/ratelimit", "internal/retry", "internal/together"},
		// settlement only decides. Its own test checks that it imports nothing that can act. It
		// uses only the types of the ledger.
		"internal/settlement": join([]string{"internal/ledger", "internal/ksef", "internal/retry"}, page, document),
		// The one document that tells what became of an invoice.
		"internal/results": join([]string{"internal/ledger", "internal/explain"}, document),
		// The receivers of results. The package sinks reads from the ledger what to tell. A
		// receiver does not know the ledger.
		"internal/results/sinks":          join([]string{"internal/results", "internal/ledger"}, trail),
		"internal/results/sinks/postgres": {"internal/results", "internal/results/sinks"},
		// The words about every code. They know no other package. Any package that shows an invoice
		// to a person may use them.
		"internal/explain": nil,
		// The QR codes of an invoice that leaves KSeF on paper.
		"internal/qrcode": document,
		// What the archive keeps, read without Redis, and what is made of it: the proof of one
		// invoice and the report of many.
		"internal/records": join([]string{"internal/archive", "internal/archive/bundle", "internal/results", "internal/ksef",
			"internal/ledger"}, document),
		"internal/proof": join([]string{"internal/records", "internal/results", "internal/ksef", "internal/qrcode", "internal/explain"},
			document),
		"internal/report": join([]string{"internal/records", "internal/results", "internal/ledger", "internal/explain"}, document),
		// What people and programs ask and do about invoices. The command line and the HTTP intake
		// call these packages.
		"internal/inquiry": join([]string{"internal/results", "internal/waiting", "internal/ledger"}, document),
		// httpintake translates between HTTP and the packages that the command line uses too.
		"internal/httpintake": join([]string{"internal/qrcode", "internal/intake", "internal/inquiry", "internal/actions",
			"internal/results", "internal/results/sinks", "internal/records", "internal/ledger", "internal/explain"}, document, trail),
		// watch hands in the documents of a folder, as the command line does, and writes the
		// outcomes into that folder.
		"internal/watch": join([]string{"internal/intake", "internal/results", "internal/ledger", "internal/explain"}, document),
		"internal/actions": join([]string{"internal/inquiry", "internal/results", "internal/results/sinks", "internal/queue",
			"internal/ledger", "internal/audit"}, trail),
		// Who did what, and how many invoices were decided. Both are for people, in Redis beside
		// the ledger.
		"internal/audit":   nil,
		"internal/figures": document,
		// The business page. It shows and does what the packages for people do.
		"internal/page": join([]string{"internal/actions", "internal/audit", "internal/figures", "internal/inquiry", "internal/waiting",
			"internal/oidc", "internal/results",
			"internal/queue", "internal/ledger", "internal/ratelimit", "internal/ksef"}, forPeople, document),
		// Logins at a provider. This package knows nothing of the page.
		"internal/oidc":          nil,
		"internal/oidc/oidctest": nil, // for tests only
		// Credentials for KSeF itself. The command line calls this package.
		"internal/enrol": {"config", "internal/ksef", "internal/ksef/direct", "internal/pemkey"},
		// waiting explains what tasks wait for. The package tasks does not use it.
		"internal/waiting": join([]string{"internal/queue", "internal/settlement"}, tools),

		// The tools do not import each other, with two exceptions. Package retry judges errors of
		// ksef and ratelimit. Package ratelimit has its scripts in ratelimit/lua.
		"internal/ledger":        join(document, []string{"internal/together"}),
		"internal/ratelimit":     join([]string{"internal/ratelimit/lua"}, document),
		"internal/ratelimit/lua": nil,
		"internal/pack":          document,
		"internal/archive":       document,
		// Many documents in one object of the archive. A reader sees an ordinary archive.
		"internal/archive/bundle": {"internal/archive", "internal/plural"},
		"internal/shell":          nil, // commands as a person types them
		"internal/retry":          join([]string{"internal/ksef", "internal/ratelimit"}, document),

		// KSeF's vocabulary imports no client. A client imports the vocabulary and no other client.
		"internal/ksef":         join(page, document, []string{"internal/ksef/lenient"}),
		"internal/ksef/lenient": nil,
		"internal/ksef/numbers": nil,
		"internal/together":     nil,
		"internal/plural":       nil,
		// The way to the network, which the clients share.
		"internal/ksef/httponce":     join(page, trail, []string{"internal/ksef", "internal/ksef/lenient"}),
		"internal/ksef/direct":       join(page, []string{"internal/ksef", "internal/ksef/lenient", "internal/ksef/httponce"}),
		"internal/ksef/direct/login": {"internal/ksef", "internal/ksef/direct", "internal/xades"},
		"internal/ksef/gateway":      join(page, []string{"internal/ksef", "internal/ksef/lenient", "internal/ksef/httponce"}),

		// XML signatures know nothing of KSeF.
		"internal/xades":  nil,
		"internal/pemkey": nil,

		"internal/invoice":                   join(page, []string{"internal/invoice/schema"}),
		"internal/invoice/schema":            nil,
		"internal/invoice/schema/compile":    {"internal/invoice/schema"},
		"internal/invoice/schema/generate":   {"internal/invoice/schema/compile"},
		"internal/invoice/schema/schematest": {"internal/invoice/schema"}, // for tests only
		// A second validator, for tests and benchmarks only. No program links it.
		"internal/invoice/xsd": {"internal/invoice"},

		"config":             join(page, []string{"internal/pemkey"}),
		"internal/arguments": nil,
		"internal/buildinfo": nil,
		// The simulator shares no code with the client. Otherwise tests could not find a mistake in
		// the shared code.
		"internal/simulator":            {"internal/simulator/fa", "internal/simulator/limits", "internal/simulator/strictjson"},
		"internal/simulator/fa":         nil,
		"internal/simulator/fa/facts":   nil, // translates the schemas for package fa
		"internal/simulator/limits":     nil,
		"internal/simulator/strictjson": nil,
		// The simulator's copy of the Ministry's API. It has the same books as its copy of the
		// gateway.
		"internal/simulator/ministry": {"internal/simulator", "internal/simulator/certificates", "internal/simulator/limits",
			"internal/simulator/login", "internal/simulator/strictjson"},
		"internal/simulator/login":        {"internal/simulator/xades"},
		"internal/simulator/xades":        nil,
		"internal/simulator/certificates": nil,
		"internal/sample":                 nil,
		"internal/redisd":                 nil,
		// Only tests, and other packages for tests, may import these packages.
		"internal/redisd/redistest":          {"internal/redisd"},
		"internal/archive/archivetest":       nil,
		"internal/tracing/tracetest":         nil,
		"internal/results/resulttest":        nil,
		"internal/explain/explaintest":       nil,
		"internal/simulator/fa/fatest":       nil,
		"internal/simulator/keytest":         nil,
		"internal/testbed/morning":           nil,
		"internal/testbed/manual":            nil,
		"internal/simulator/xades/xadestest": nil,
		"internal/arrows":                    nil,
		"internal/e2e":                       nil,
		// The chaos test reads the ledger to know when the run is over, and what its receiver must
		// have been told. It checks the results in the books of the simulator and in the archive.
		// Only the package's own test links it, so it may use the S3 service of the archive's
		// tests.
		"internal/chaos": join([]string{"config", "internal/enrol", "internal/connect", "internal/intake", "internal/queue",
			"internal/ledger", "internal/archive/archivetest"},
			testbed, document),
		"deploy": nil,
		// Programs in other languages; its tests run them against real processes.
		"examples": nil,
		// A module of its own.
		"test/thirdparty/go-ksef-client": nil,
		// Another module. It compares the chart's configuration with the program's.
		"test/helm": {"config"},
		// Another module. It runs the worker beside a real provider of logins.
		"test/oidc": join([]string{"config"}, testbed, []string{"internal/testbed/bedtest"}),
	}

	// inTests is what test files may import in addition to their package's line and the package
	// itself.
	inTests = join(testbed, document, []string{"internal/invoice/xsd", "internal/invoice/schema", "internal/invoice/schema/schematest",
		"internal/redisd/redistest", "internal/testbed/bedtest", "internal/testbed/morning", "internal/testbed/manual",
		"internal/archive/archivetest", "internal/oidc/oidctest", "internal/tracing", "internal/tracing/tracetest",
		"internal/results/resulttest", "internal/explain/explaintest"})
	// moreInTests is for tests that use more than their package.
	moreInTests = map[string][]string{
		"internal/report": {"internal/archive"},
		// One test hands the PostgreSQL receiver outcomes from a real ledger.
		"internal/results/sinks/postgres": {"internal/ledger"},
		"internal/page":                   {"internal/archive", "internal/results/sinks"},
		"internal/httpintake":             {"internal/archive", "internal/queue", "internal/audit"},
		"internal/watch":                  {"internal/archive", "internal/queue"},
		"internal/intake":                 {"internal/archive/bundle"},
		// The tests of explain find the codes that the program can meet.
		"internal/explain": {"internal/ksef", "internal/retry", "internal/waiting", "internal/ledger", "internal/results"},
		"deploy":           {"config"}, "examples": {"config"}, "internal/e2e": {"config", "internal/ledger"},
		"internal/app": {"internal/results", "internal/enrol"},
		// One test script runs a worker beside the command line. Another needs a pause, as after a
		// 429.
		"cmd/enqueue": {"internal/app", "internal/ratelimit", "internal/archive/bundle"},
		// The tests of tasks hand documents in and run the real client against the simulator.
		"internal/tasks":           join(clients, []string{"internal/intake", "internal/inquiry", "internal/ksef/direct/login"}),
		"internal/simulator":       {"internal/simulator/fa/fatest", "internal/simulator/keytest"},
		"internal/simulator/fa":    {"internal/simulator/fa/fatest"},
		"internal/simulator/xades": {"internal/simulator/xades/xadestest"},
		"internal/simulator/login": {"internal/simulator/xades/xadestest"},
		"internal/simulator/ministry": {"internal/simulator/xades/xadestest", "internal/simulator/fa/fatest",
			"internal/simulator/keytest"},
	}
)

func join(lists ...[]string) []string { return slices.Concat(lists...) }

func TestImports_FlowInOneDirection(t *testing.T) {
	root := filepath.Join("..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			ignored := strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules"
			if file != root && ignored {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		pkg := path.Dir(rel)
		allowed, known := mayImport[pkg]
		if !known && !seen[pkg] {
			t.Errorf("package %s has no line in internal/arrows/arrows_test.go: add one that says what it may import", pkg)
		}
		seen[pkg] = true
		if !known {
			return nil
		}
		if strings.HasSuffix(name, "_test.go") {
			allowed = join(allowed, inTests, moreInTests[pkg], []string{pkg})
		}
		return check(t, file, rel, pkg, allowed)
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) < 5 {
		t.Errorf("only %d packages were found, want at least 5: this test proves nothing", len(seen))
	}
}

func check(t *testing.T, file, rel, pkg string, allowed []string) error {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		return fmt.Errorf("read imports of %s: %w", rel, err)
	}
	for _, spec := range f.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return fmt.Errorf("read imports of %s: %w", rel, err)
		}
		ours, ok := strings.CutPrefix(imported, module+"/")
		if ok && !slices.Contains(allowed, ours) {
			t.Errorf("%s imports %s: %s may import %s "+
				"(cmd → app → intake, tasks → queue → ledger, ratelimit, ksef, retry, pack, archive → invoice)",
				rel, ours, pkg, list(allowed))
		}
	}
	return nil
}

func list(allowed []string) string {
	if len(allowed) == 0 {
		return "no package of this module"
	}
	return "only " + strings.Join(allowed, ", ")
}

func TestTable_HasNoCycle(t *testing.T) {
	const entered, left = 1, 2
	state := map[string]int{}
	var visit func(pkg string, trail []string)
	visit = func(pkg string, trail []string) {
		trail = append(slices.Clone(trail), pkg)
		switch state[pkg] {
		case left:
			return
		case entered:
			t.Errorf("the table allows a cycle: %s", strings.Join(trail, " → "))
			return
		}
		state[pkg] = entered
		for _, next := range mayImport[pkg] {
			if _, known := mayImport[next]; !known {
				t.Errorf("%s may import %s, which has no line", pkg, next)
			}
			visit(next, trail)
		}
		state[pkg] = left
	}
	for pkg := range mayImport {
		visit(pkg, nil)
	}
}

// A second client must be able to use KSeF's vocabulary without the first client and without HTTP.
func TestVocabulary_Imports_NameNoClientAndNoNetwork(t *testing.T) {
	files, err := filepath.Glob("../ksef/*.go")
	if err != nil || len(files) < 5 {
		t.Fatalf("only %d files of internal/ksef were found (error %v), want at least 5", len(files), err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			switch imported := strings.Trim(spec.Path.Value, `"`); {
			case imported == "net" || strings.HasPrefix(imported, "net/http"):
				t.Errorf("%s imports %s, which reaches the network", file, imported)
			case slices.Contains(clients, strings.TrimPrefix(imported, module+"/")):
				t.Errorf("%s imports the client %s", file, imported)
			}
		}
	}
}

// The process decides how KSeF is reached, so only app and connect may make a client. connect opens
// what worker and command line share. enrol and cmd/enqueue are handed a client. The package
// direct/login is a part of the client direct.
func TestClients_MayBeImportedByTheListedPackagesAlone(t *testing.T) {
	makers := []string{"cmd/enqueue", "internal/app", "internal/connect", "internal/enrol", "internal/ksef/direct/login"}
	for pkg, allowed := range mayImport {
		for _, c := range clients {
			if slices.Contains(allowed, c) && !slices.Contains(makers, pkg) {
				t.Errorf("the table lets %s import the client %s, but only %s may", pkg, c, strings.Join(makers, ", "))
			}
		}
	}
}
