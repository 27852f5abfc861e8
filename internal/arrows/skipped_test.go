package arrows

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	modelTests = regexp.MustCompile(`(?m)^MODELS = (.*)$`)
	clockTests = regexp.MustCompile(`(?m)^CLOCKS = (.*)$`)
)

// `make race` skips some tests by their names in every package. Then it runs tests of these names,
// without the race detector, in a few packages. In another package, `make race` would not run a
// test with such a name at all.
func TestSkipped_TestsThatTheRaceRunSkips_AreInPackagesThatRunThemAgain(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join("..", "..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range []struct {
		names *regexp.Regexp
		again []string // the folders that run the tests again
	}{
		{modelTests, []string{"internal/ledger", "internal/ratelimit"}},
		{clockTests, []string{"internal/app"}},
	} {
		line := list.names.FindSubmatch(makefile)
		if line == nil {
			t.Fatalf("the Makefile has no line %s", list.names)
		}
		skipped, found := regexp.MustCompile(string(line[1])), 0
		for _, name := range sources(t) {
			if !strings.HasSuffix(name, "_test.go") {
				continue
			}
			dir := filepath.ToSlash(filepath.Dir(strings.TrimPrefix(name, filepath.Join("..", "..")+string(filepath.Separator))))
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				fn, is := d.(*ast.FuncDecl)
				if !is || fn.Recv != nil || !skipped.MatchString(fn.Name.Name) {
					continue
				}
				found++
				if !slices.Contains(list.again, dir) {
					t.Errorf("%s: make race skips %s and runs it nowhere: rename it, or name the other tests more exactly in the Makefile",
						name, fn.Name.Name)
				}
			}
		}
		if found < 5 {
			t.Errorf("the names %s match only %d tests, want at least 5: this test proves nothing", skipped, found)
		}
	}
}
