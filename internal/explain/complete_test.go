package explain_test

import (
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ksefworker/internal/explain"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
	"ksefworker/internal/retry"
	"ksefworker/internal/waiting"
)

func want(t *testing.T, space explain.Space, code, where string) {
	t.Helper()
	if _, ok := explain.Of(space, code); !ok {
		t.Errorf("%s: %s/%s has no words: add them to internal/explain/words/%s.yaml", where, space, code, space)
	}
}

// Every status that internal/ksef has a name for must have words.
func TestWords_EveryStatusOfKSeF_HasWords(t *testing.T) {
	s := readSource(t, "ksef")
	found := 0
	s.each(func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Values) != len(v.Names) {
			return true
		}
		for i, name := range v.Names {
			number, ok := v.Values[i].(*ast.BasicLit)
			if !ok || number.Kind != token.INT {
				continue
			}
			for prefix, spaces := range map[string][]explain.Space{
				"Invoice": {explain.Invoice}, "OnlineSession": {explain.Online}, "BatchSession": {explain.Batch},
				"SessionProcessed": {explain.Online, explain.Batch},
			} {
				if strings.HasPrefix(name.Name, prefix) {
					for _, space := range spaces {
						found++
						want(t, space, number.Value, s.at(v))
					}
				}
			}
		}
		return true
	})
	if found < 28 {
		t.Fatalf("found only %d statuses in internal/ksef, want at least 28: have its names changed?", found)
	}
}

func TestWords_EveryClosedListOfTheProgram_HasWords(t *testing.T) {
	for _, k := range ksef.ErrorKinds() {
		want(t, explain.Failure, string(k), "ksef.ErrorKinds")
	}
	for _, r := range retry.Reasons() {
		want(t, explain.Wait, string(r), "retry.Reasons")
	}
	for _, r := range waiting.Reasons() {
		want(t, explain.Wait, string(r), "waiting.Reasons")
	}
	for _, s := range ledger.States() {
		want(t, explain.State, string(s), "ledger.States")
	}
	want(t, explain.State, results.Refused, "results.Refused")
	want(t, explain.State, results.Unreadable, "results.Unreadable")
}

// The codes are those of the contract of the Ministry's API 2.8: all of open-api 2.7.0 of July
// 2026, and the code 21184 of 2.8.0.
func TestWords_EveryErrorCodeOfTheMinistry_HasWords(t *testing.T) {
	for _, code := range []int{
		9101, 9102, 9103, 9105,
		21001, 21111, 21115, 21117, 21155, 21157, 21161, 21164, 21165, 21166, 21167, 21173, 21175, 21178, 21180, 21181, 21182,
		21183, 21184, 21205, 21208, 21217, 21301, 21304, 21308, 21401, 21402, 21403, 21405, 21406, 21418, 21470,
		25001, 25002, 25003, 25004, 25005, 25006, 25007, 25008, 25009, 25010, 25011, 26001, 26002, 30001, 71001, 71002,
	} {
		want(t, explain.API, strconv.Itoa(code), "contract")
	}
	for _, code := range []int{100, 200, 415, 425, 450, 460, 470, 480, 500, 550} {
		want(t, explain.Login, strconv.Itoa(code), "contract")
	}
	for _, reason := range []string{
		"missing-permissions", "ip-not-allowed", "insufficient-resource-access", "auth-method-not-allowed",
		"security-service-blocked", "context-type-not-allowed",
	} {
		want(t, explain.Forbidden, reason, "contract")
	}
	for _, code := range []int{100, 150} {
		want(t, explain.Gateway, strconv.Itoa(code), "contract of the gateway")
	}
	for _, status := range []int{400, 401, 403, 404, 408, 410, 418, 429, 500, 502, 503, 504, 599} {
		want(t, explain.HTTP, strconv.Itoa(status), "HTTP")
	}
	// The simulator stands in for KSeF, so KSeF too can answer every code that the simulator
	// answers.
	s := readSource(t, "simulator")
	s.each(func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.INT && len(lit.Value) == 5 && strings.HasPrefix(lit.Value, "21") {
			want(t, explain.API, lit.Value, s.at(n))
		}
		return true
	})
}

// text checks that the table has words about a text of the program, and counts the entry with these
// words. A reason to park and a text about a receipt must also have a Polish form.
func (u used) text(t *testing.T, space explain.Space, text, where string) {
	t.Helper()
	e, ok := explain.ByText(space, text)
	if !ok {
		t.Errorf("%s: %q has no words: add its form to internal/explain/words/%s.yaml", where, text, space)
		return
	}
	if space == explain.Parked || space == explain.Receipt {
		inPolish(t, text, where)
	}
	u[e.Name()]++
}

// used counts for each entry, by its name, the texts that have the form of the entry.
type used map[string]int

// all fails for each entry of a space whose form no text of the program has any more.
func (u used) all(t *testing.T, space explain.Space) {
	t.Helper()
	for _, e := range explain.All() {
		if e.Space == space && u[e.Name()] == 0 {
			t.Errorf("no text of the program has a form of %s: has it gone, or changed?", e.Name())
		}
	}
}

func TestWords_EveryRefusalOfADocument_HasWords(t *testing.T) {
	u := used{}
	for _, dir := range []string{"invoice", "invoice/schema", "invoice/xsd", "intake"} {
		s := readSource(t, dir)
		s.each(func(n ast.Node) bool {
			e, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			if _, ident := e.(*ast.Ident); ident {
				return true // a constant has its text where it is declared
			}
			text, literal := s.text(e)
			if literal && strings.HasPrefix(text, "must ") {
				// The entry schema_value fits any text, because the schema's lists of allowed
				// values may be anything. The rules of other packages have words of their own.
				if e, _ := explain.ByText(explain.Refused, text); e.Code == "schema_value" && !strings.HasPrefix(dir, "invoice/") {
					t.Errorf("%s: %q has only the words for values of the schema", s.at(n), text)
				}
				u.text(t, explain.Refused, text, s.at(n))
				return false
			}
			return !literal
		})
	}
	s := readSource(t, "intake")
	for _, e := range slices.Concat(s.fields("RefusedError", "Rule", 0), s.fields("UnsureError", "What", 0)) {
		text, literal := s.text(e)
		if name, ok := e.(*ast.Ident); ok && !literal {
			text = assigned(t, s, name)
		}
		u.text(t, explain.Refused, text, s.at(e))
	}
	problems := s.fields("Problem", "What", 0)
	if len(problems) < 15 {
		t.Fatalf("found %d problems of intake, want at least 15", len(problems))
	}
	for _, e := range problems {
		text, _ := s.text(e)
		u.text(t, explain.Refused, text, s.at(e))
	}
	u.all(t, explain.Refused)
}

// assigned returns the text that a variable gets where it is declared.
func assigned(t *testing.T, s *source, name *ast.Ident) string {
	t.Helper()
	found := ""
	s.each(func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && a.Tok == token.DEFINE && len(a.Lhs) == 1 {
			if left, ok := a.Lhs[0].(*ast.Ident); ok && left.Name == name.Name && left.Obj == name.Obj {
				found, _ = s.text(a.Rhs[0])
			}
		}
		return true
	})
	if found == "" {
		t.Errorf("%s: this test does not know where the text of this variable comes from", s.at(name))
	}
	return found
}

// parkers are the functions that park an invoice, each with the index of the reason among its
// arguments. -1 stands for the last argument.
var parkers = map[string]map[string]int{
	"settlement": {"parked": 3, "park": -1}, // there is o.park(inv, code, reason), and park(inv, reason)
	"tasks":      {"stopped": 1, "parkOutsidePackage": 2},
}

// passedOn are the expressions for a reason that a function does not make, but gets from its caller
// and passes on. The texts of such reasons are found where that function is called.
var passedOn = []string{"reason", "m.Reason", "s.Park.Reason"}

// reasonMakers are the functions whose results are reasons.
var reasonMakers = map[string][]string{
	"settlement": {"parkReason", "unclearReason", "notFoundReason", "conflictReason", "wrongNumber"},
	"tasks":      {"noReceiptReason", "contradiction", "besideDamaged"},
}

func TestWords_EveryReasonToPark_HasWords(t *testing.T) {
	u := used{}
	for _, dir := range slices.Sorted(maps.Keys(parkers)) {
		s := readSource(t, dir)
		found := 0
		s.each(func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			at, ok := parkers[dir][calls(call)]
			if !ok {
				return true
			}
			if at < 0 {
				at += len(call.Args)
			}
			found++
			reason := call.Args[at]
			text, literal := s.text(reason)
			switch made, isCall := reason.(*ast.CallExpr); {
			case literal:
				u.text(t, explain.Parked, text, s.at(reason))
			case isCall && slices.Contains(reasonMakers[dir], calls(made)): // its texts are looked at below
			case isCall && calls(made) == "Error": // errDocument; its form is looked at below
			case slices.Contains(passedOn, written(reason)):
			default:
				t.Errorf("%s: this test does not know where this reason comes from", s.at(reason))
			}
			return true
		})
		if found < 3 {
			t.Fatalf("found %d calls that park in %s, want at least 3", found, dir)
		}
		for _, name := range reasonMakers[dir] {
			for text, where := range s.returned(t, name) {
				if dir == "tasks" {
					u.text(t, explain.Receipt, text, where)
					continue
				}
				u.text(t, explain.Parked, text, where)
			}
		}
	}
	tasks := readSource(t, "tasks")
	if tasks.funcs["Error"] == nil {
		t.Fatal("package tasks has no method Error")
	}
	u.text(t, explain.Parked, errDocumentText(t, tasks), "tasks/documents.go")
	u.all(t, explain.Parked)
	u.all(t, explain.Receipt)
}

// errDocumentText returns the text of the error about a stored document.
func errDocumentText(t *testing.T, s *source) string {
	t.Helper()
	text := ""
	s.each(func(n ast.Node) bool {
		f, ok := n.(*ast.FuncDecl)
		if !ok || f.Name.Name != "Error" || f.Recv == nil {
			return true
		}
		star, ok := f.Recv.List[0].Type.(*ast.StarExpr)
		if !ok {
			return true
		}
		if name, ok := star.X.(*ast.Ident); ok && name.Name == "errDocument" {
			r := f.Body.List[0].(*ast.ReturnStmt)
			text, _ = s.text(r.Results[0])
		}
		return true
	})
	if text == "" {
		t.Fatal("package tasks has no method Error of errDocument, or its text is empty")
	}
	return text
}

// written returns an expression of names and dots as it stands in the source.
func written(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return written(e.X) + "." + e.Sel.Name
	}
	return ""
}

// A rule of the schema and another rule may use the same words for different things.
func TestWords_RulesOfTheSchema_AreNotTakenForOthers(t *testing.T) {
	for rule, want := range map[string]string{
		"must be at most 99": "schema_value", "must be at most 1000000 bytes without an attachment": "too_large",
		"must be KOR, VAT or ZAL": "schema_value", "must be at least 0.01": "schema_value",
		"must be between 2006-01-01 and 2050-01-01": "date_form", "must be a NIP of ten digits": "nip",
		"must have at most 8 digits after the decimal point": "schema_value", "must have at most 256 characters": "field_form",
		"must be given earlier": "schema_structure", "must be given": "missing_field", "must contain Nazwa or NIP": "schema_structure",
		"must contain text, not elements": "field_form", "must not be given here": "schema_structure",
		"must be FA (3) or FA (2)": "wrong_form",
	} {
		if e, _ := explain.ByText(explain.Refused, rule); e.Code != want {
			t.Errorf("%q is %s, want %s", rule, e.Code, want)
		}
	}
}
