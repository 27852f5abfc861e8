package explain_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// source is the code of one package, without its tests.
type source struct {
	dir    string
	fset   *token.FileSet
	files  []*ast.File
	consts map[string]string        // string constants of the package, by name
	funcs  map[string]*ast.FuncDecl // by name; methods too
}

func readSource(t *testing.T, dir string) *source {
	t.Helper()
	s := &source{dir: dir, fset: token.NewFileSet(), consts: map[string]string{}, funcs: map[string]*ast.FuncDecl{}}
	names, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(s.fset, name, raw, 0)
		if err != nil {
			t.Fatal(err)
		}
		s.files = append(s.files, f)
	}
	if len(s.files) == 0 {
		t.Fatalf("no source in %s", dir)
	}
	for _, f := range s.files {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				s.funcs[d.Name.Name] = d
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if v, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.CONST {
						for i, value := range v.Values {
							if text, literal := s.text(value); literal {
								s.consts[v.Names[i].Name] = text
							}
						}
					}
				}
			}
		}
	}
	return s
}

// each calls visit for every node of the package.
func (s *source) each(visit func(ast.Node) bool) {
	for _, f := range s.files {
		ast.Inspect(f, visit)
	}
}

func (s *source) at(n ast.Node) string {
	p := s.fset.Position(n.Pos())
	return s.dir + "/" + filepath.Base(p.Filename) + ":" + strconv.Itoa(p.Line)
}

var verb = regexp.MustCompile(`%[-+# 0]*[0-9]*(\.[0-9]+)?[a-zA-Z]`)

// dynamic stands for the parts of a text that are known only when the program runs.
const dynamic = "X"

// text returns the text that an expression makes. dynamic stands for each part that is known only
// at run time. literal is false when no part is known before run time.
func (s *source) text(e ast.Expr) (text string, literal bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return dynamic, false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.Ident:
		if text, ok := s.consts[e.Name]; ok {
			return text, true
		}
	case *ast.ParenExpr:
		return s.text(e.X)
	case *ast.BinaryExpr:
		a, okA := s.text(e.X)
		b, okB := s.text(e.Y)
		return a + b, okA || okB
	case *ast.CallExpr:
		if calls(e) == "Sprintf" {
			format, ok := s.text(e.Args[0])
			return verb.ReplaceAllString(format, dynamic), ok
		}
	}
	return dynamic, false
}

// calls returns the name of the function or method that is called.
func calls(e *ast.CallExpr) string {
	switch f := e.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// fields returns the expressions that give a field of a struct type its value. They are in
// composite literals of the type, with or without keys, and in assignments to a field of that name.
func (s *source) fields(typ, field string, position int) []ast.Expr {
	var found []ast.Expr
	s.each(func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			if name, ok := n.Type.(*ast.Ident); !ok || name.Name != typ {
				return true
			}
			for i, el := range n.Elts {
				if kv, ok := el.(*ast.KeyValueExpr); !ok {
					if i == position {
						found = append(found, el)
					}
				} else if key, ok := kv.Key.(*ast.Ident); ok && key.Name == field {
					found = append(found, kv.Value)
				}
			}
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				if sel, ok := left.(*ast.SelectorExpr); ok && sel.Sel.Name == field && n.Tok == token.ASSIGN && i < len(n.Rhs) {
					found = append(found, n.Rhs[i])
				}
			}
		}
		return true
	})
	return found
}

// returned returns the texts of a function's return statements, each with its place in the source.
// It leaves out a result of which nothing is known before the program runs.
func (s *source) returned(t *testing.T, name string) map[string]string {
	t.Helper()
	f := s.funcs[name]
	if f == nil {
		t.Fatalf("%s has no function %s", s.dir, name)
	}
	texts := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		r, ok := n.(*ast.ReturnStmt)
		if !ok || len(r.Results) == 0 {
			return true
		}
		if text, literal := s.text(r.Results[0]); literal && text != "" {
			texts[text] = s.at(r)
		}
		return true
	})
	return texts
}
