package arrows

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var sequentialList = regexp.MustCompile(`(?m)^SEQUENTIAL = ((?:.*\\\n)*.*)$`)

// `make race` tests the packages on its list without the race detector, because with the detector
// they are several times slower. That is right only as long as nothing in these packages runs
// concurrently. Benchmarks may run code concurrently, because `make race` does not run them.
func TestSequential_PackagesOnTheList_RunNothingBesideAnythingElse(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join("..", "..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	list := sequentialList.FindSubmatch(makefile)
	if list == nil {
		t.Fatal("the Makefile has no SEQUENTIAL")
	}
	found := 0
	for _, name := range sources(t) {
		dir := "./" + filepath.ToSlash(filepath.Dir(strings.TrimPrefix(name, filepath.Join("..", "..")+string(filepath.Separator))))
		listed := slices.ContainsFunc(strings.Fields(strings.ReplaceAll(string(list[1]), "\\", "")), func(entry string) bool {
			below, all := strings.CutSuffix(entry, "/...")
			return dir == below || all && strings.HasPrefix(dir, below+"/")
		})
		if !listed || strings.HasSuffix(name, "bench_test.go") {
			continue
		}
		found++
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, what := range beside(f) {
			t.Errorf("%s: %s: take the package off SEQUENTIAL in the Makefile, or write _ManyAtOnce_ into the test's name",
				set.Position(what.pos), what.is)
		}
	}
	if found < 100 {
		t.Errorf("only %d files were found, want at least 100: this test proves nothing", found)
	}
}

// concurrent is a place in the source at which something begins to run concurrently.
type concurrent struct {
	pos token.Pos
	is  string
}

// beside finds the places that start goroutines, groups of goroutines, parallel tests, and servers.
// It leaves out tests with _ManyAtOnce_ in their names, which run under the race detector.
func beside(f *ast.File) (found []concurrent) {
	for _, i := range f.Imports {
		if path, err := strconv.Unquote(i.Path.Value); err == nil && (path == "net/http/httptest" || strings.HasSuffix(path, "/errgroup")) {
			found = append(found, concurrent{i.Pos(), "it imports " + path})
		}
	}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && strings.Contains(fn.Name.Name, "_ManyAtOnce_") {
			continue
		}
		ast.Inspect(d, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				found = append(found, concurrent{n.Pos(), "it starts a goroutine"})
			case *ast.CallExpr:
				if s, ok := n.Fun.(*ast.SelectorExpr); ok && (s.Sel.Name == "Go" || s.Sel.Name == "Parallel") {
					found = append(found, concurrent{n.Pos(), "it calls " + s.Sel.Name})
				}
			}
			return true
		})
	}
	return found
}
