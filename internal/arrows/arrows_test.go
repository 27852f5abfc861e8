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

// The tiers of the tree. A package may import what its line names and nothing else of ours; a package without a line fails the test, so that
// whoever adds one says where it belongs.
var (
	document  = []string{"internal/invoice", "internal/invoice/xsd"}
	tools     = []string{"internal/ledger", "internal/ratelimit", "internal/ratelimit/lua", "internal/ksef", "internal/retry", "internal/pack", "internal/archive"}
	machinery = join(tools, document)
	standins  = []string{"internal/simulator", "internal/sample", "internal/redisd"}

	mayImport = map[string][]string{
		"cmd/worker": {"config", "internal/app", "internal/buildinfo"},
		// It shows results and ledger states to people, so it knows their types.
		"cmd/enqueue":   join([]string{"config", "internal/app", "internal/buildinfo", "internal/intake", "internal/tasks", "internal/waiting", "internal/ledger"}, document),
		"cmd/simulator": {"internal/simulator", "internal/buildinfo"},

		// The demo runs the stand-ins inside the worker's process; only app may know of them.
		"internal/app":    join([]string{"config", "internal/buildinfo", "internal/intake", "internal/tasks", "internal/waiting"}, machinery, standins),
		"internal/intake": join([]string{"internal/tasks"}, machinery),
		"internal/tasks":  join([]string{"internal/settlement"}, machinery),
		// It decides and does nothing: of the ledger it knows the types alone, which its own test watches.
		"internal/settlement": join([]string{"internal/ledger", "internal/ksef", "internal/retry"}, document),
		// It explains what tasks wait for; tasks themselves have no use for it.
		"internal/waiting": join([]string{"internal/tasks"}, tools),

		// Tools don't know each other. Judging is the exception: a verdict needs the facts that it is about.
		"internal/ledger":        document,
		"internal/ratelimit":     join([]string{"internal/ratelimit/lua"}, document),
		"internal/ratelimit/lua": nil,
		"internal/ksef":          document,
		"internal/pack":          document,
		"internal/archive":       document,
		"internal/retry":         join([]string{"internal/ksef", "internal/ratelimit"}, document),

		"internal/invoice":     nil,
		"internal/invoice/xsd": {"internal/invoice"},

		"config":             nil,
		"internal/buildinfo": nil,
		"internal/simulator": {"internal/invoice"},
		"internal/sample":    {"internal/invoice"},
		"internal/redisd":    nil,
		// These link the testing package, so tests alone import them: no line names them.
		"internal/redisd/redistest":    {"internal/redisd"},
		"internal/archive/archivetest": nil,
		"internal/arrows":              nil,
		"internal/e2e":                 nil,
		// The storm looks at the ledger only to know when it is over; it judges by the simulator's books and the archive.
		// Nothing but its own test links it, so it may have the S3 service of the archive's tests.
		"internal/chaos": join([]string{"config", "internal/app", "internal/tasks", "internal/ledger", "internal/archive/archivetest"}, standins, document),
		"deploy":         nil,
	}

	// inTests is what test files may import on top of their package's line: themselves from outside, and the stand-ins.
	inTests = join(standins, document, []string{"internal/redisd/redistest", "internal/archive/archivetest"})
	// moreInTests is for tests that look at more than their package.
	moreInTests = map[string][]string{"deploy": {"config"}, "internal/e2e": {"internal/ledger"}}
)

func join(lists ...[]string) []string { return slices.Concat(lists...) }

func TestImports_FlowOneWay(t *testing.T) {
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
			if file != root && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules") {
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
			t.Errorf("package %s has no line in internal/arrows/arrows_test.go: say there what it may import", pkg)
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
		t.Errorf("only %d packages were found", len(seen))
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
			t.Errorf("%s imports %s: %s may import %s (cmd → app → intake → tasks → ledger, ratelimit, ksef, retry, pack, archive → invoice)",
				rel, ours, pkg, list(allowed))
		}
	}
	return nil
}

func list(allowed []string) string {
	if len(allowed) == 0 {
		return "nothing of ours"
	}
	return "only " + strings.Join(allowed, ", ")
}

func TestTable_HasNoCircle(t *testing.T) {
	const entered, left = 1, 2
	state := map[string]int{}
	var visit func(pkg string, way []string)
	visit = func(pkg string, way []string) {
		way = append(slices.Clone(way), pkg)
		switch state[pkg] {
		case left:
			return
		case entered:
			t.Errorf("the table allows a circle: %s", strings.Join(way, " → "))
			return
		}
		state[pkg] = entered
		for _, next := range mayImport[pkg] {
			if _, known := mayImport[next]; !known {
				t.Errorf("%s may import %s, which has no line", pkg, next)
			}
			visit(next, way)
		}
		state[pkg] = left
	}
	for pkg := range mayImport {
		visit(pkg, nil)
	}
}
