package arrows

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// countedMany matches a number before a plural noun, because "%d invoices" is wrong for one
// invoice.
var countedMany = regexp.MustCompile(`%d( [a-z]+){0,2} (attempts|calls|deliveries|documents|entries|files|indexes|invoices|items|keys|` +
	`months|others|packages|queues|receipts|records|refusals|replicas|requests|results|sessions|tasks|tenants|texts|tries|workers)\b`)

// neverOne are texts in which the number before the noun is not a count of something. It is a limit
// of the program or of KSeF, the total in "n of m", or a setting that is refused.
var neverOne = []string{
	"has more than %d keys",
	"holds %d entries, more than %d",
	"%d of %d requests and %d of %d certificates are left",
	"%d of %d replicas of redis had a write",
	"%d tenants, %d groups, %d processes: must each be at least 1",
}

// standIns are packages for tests and the demo. Only developers read what they print.
var standIns = []string{"chaos", "demo", "e2e", "redisd", "sample", "simulator", "testbed", "arrows"}

// People would read "1 invoices wait" every day. So texts with a count use package plural, or put
// the number after the noun.
func TestTexts_ACountBeforeANoun_ReadsWellForOne(t *testing.T) {
	found := 0
	for _, root := range []string{"cmd", "config", "internal"} {
		err := filepath.WalkDir(filepath.Join("..", "..", root), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				if d != nil && d.IsDir() && slices.Contains(standIns, d.Name()) {
					return fs.SkipDir
				}
				return err
			}
			if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				lit, ok := n.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					return true
				}
				found++
				text, err := strconv.Unquote(lit.Value)
				if err != nil || !countedMany.MatchString(text) {
					return true
				}
				if !slices.ContainsFunc(neverOne, func(known string) bool { return strings.Contains(text, known) }) {
					t.Errorf("%s: %q is wrong for one: use internal/plural, or write the number behind the noun",
						fset.Position(lit.Pos()), text)
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 1000 {
		t.Fatalf("only %d texts were read, want at least 1000: this test proves nothing", found)
	}
}
