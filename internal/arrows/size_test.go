package arrows

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	maxMethods = 25
	maxColumns = 140 // of code, a tab being four
	maxComment = 100
)

var oneText = regexp.MustCompile(`"[^"]{100,}"`)

// A type with many methods does several things. A reader who looks for one of these things must
// read all methods of the type.
func TestTypes_Methods_NotMoreThanOneReaderKeepsInMind(t *testing.T) {
	count := map[string]int{}
	for _, name := range sources(t) {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil {
				count[filepath.Dir(name)+"."+f.Name.Name+"."+receiver(fn.Recv.List[0].Type)]++
			}
		}
	}
	for typ, n := range count {
		if n > maxMethods {
			t.Errorf("%s has %d methods, at most %d are allowed: split the type by what its methods are about", typ, n, maxMethods)
		}
	}
	if len(count) < 100 {
		t.Errorf("only %d types were found, want at least 100: this test proves nothing", len(count))
	}
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// Long lines are hard to read. Comments have at most maxComment columns, code has at most
// maxColumns. A comment that cannot be broken, such as an address, may be longer.
func TestSources_Lines_HaveOneWidth(t *testing.T) {
	for _, name := range sources(t) {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 4<<20)
		raw := false    // in a raw string, where a line is data
		output := false // in the output of an example, which is data too
		for n := 1; lines.Scan(); n++ {
			line := lines.Text()
			if n == 1 && strings.HasPrefix(line, "// Code generated ") {
				break
			}
			wasRaw := raw
			if strings.Count(line, "`")%2 == 1 {
				raw = !raw
			}
			// A string that is data, a text that is one string, and an example's output are not
			// broken into lines.
			output = strings.Contains(line, "// Output:") || output && strings.Contains(line, "//")
			if wasRaw || raw || output || strings.Contains(line, "`") || oneText.MatchString(line) {
				continue
			}
			text := strings.TrimLeft(line, "\t")
			columns := utf8.RuneCountInString(text) + 4*(len(line)-len(text))
			limit := maxColumns
			if words, comment := strings.CutPrefix(text, "// "); comment && strings.Contains(words, " ") && !strings.HasPrefix(words, " ") {
				limit = maxComment
			}
			if columns > limit {
				t.Errorf("%s:%d: the line has %d columns, want at most %d", name, n, columns, limit)
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		f.Close()
	}
}

// sources returns every Go file of the module and of the modules beside it.
func sources(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir("../..", func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != "." && d.Name() != ".." || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if filepath.Ext(name) == ".go" {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
