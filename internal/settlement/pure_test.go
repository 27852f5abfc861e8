package settlement

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Package settlement only decides. It must import only packages that cannot act, and must take the
// time from its caller.
func TestPackage_IsPure(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	never := []string{"context", "os", "net", "sync", "math/rand", "math/rand/v2",
		"github.com/redis/go-redis/v9", "github.com/hibiken/asynq", "github.com/rs/xid", "github.com/rs/zerolog"}
	looked := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		looked++
		file, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			if name, _ := strconv.Unquote(spec.Path.Value); slices.Contains(never, name) {
				t.Errorf("%s imports %s, want no package that can act", f.Name(), name)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := sel.X.(*ast.Ident)
			if ok && pkg.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After"}, sel.Sel.Name) {
				t.Errorf("%s asks the clock with time.%s, want the time as an argument", f.Name(), sel.Sel.Name)
			}
			return true
		})
	}
	if looked < 10 {
		t.Errorf("only %d files were looked at, want at least 10", looked)
	}
}
