package ledger

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// declaredKeys reads keys.go. It returns the name of each key by the name of its constant.
func declaredKeys(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "keys.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, name := range spec.Names {
			value, err := strconv.Unquote(spec.Values[i].(*ast.BasicLit).Value)
			if err != nil || !strings.HasPrefix(name.Name, "key") {
				t.Errorf("keys.go: want each constant to begin with key and to be a string; %s is not so (error %v)", name.Name, err)
			}
			keys[name.Name] = value
		}
		return true
	})
	return keys
}

func TestKeys_ThePageListsTheLedgersKeys(t *testing.T) {
	var listed []string
	for _, row := range rowsOf(t, contents(t, "../../docs/redis.md"), "Ledger", "key") {
		if len(row) != 4 || !slices.Contains([]string{"hash", "set", "stream", "string", "zset"}, row[1]) || row[2] == "" || row[3] == "" {
			t.Errorf("docs/redis.md: the row %v does not say the key, its type, what is in it and how it ends", row)
		}
		name, _, _ := strings.Cut(row[0], "<")
		listed = append(listed, name)
	}
	slices.Sort(listed)
	if declared := slices.Sorted(maps.Values(declaredKeys(t))); !slices.Equal(listed, declared) {
		t.Errorf("docs/redis.md lists %v, keys.go has %v", listed, declared)
	}
}

var (
	keyInLua = regexp.MustCompile(`(?:P \.\. |read\(|page\()'([a-z]+:?)'`)
	// keyInGo finds names of keys that are written out instead of being taken from keys.go.
	keyInGo = regexp.MustCompile(`\.key\("|\.prefix *\+`)
)

func TestKeys_TheCodeUsesEachOfThem_AndNoOther(t *testing.T) {
	declared, used := declaredKeys(t), map[string]bool{}
	scripts, _ := filepath.Glob("lua/*.lua")
	for _, file := range scripts {
		for _, m := range keyInLua.FindAllStringSubmatch(contents(t, file), -1) {
			used[m[1]] = true
		}
	}
	delete(used, "none") // scripts delete it before their first write, and it never exists
	source, _ := filepath.Glob("*.go")
	for _, file := range source {
		if file == "keys.go" || strings.HasSuffix(file, "_test.go") {
			continue
		}
		text := contents(t, file)
		if found := keyInGo.FindString(text); found != "" {
			t.Errorf("%s writes out the name of a key: %s", file, found)
		}
		for constant, key := range declared {
			if regexp.MustCompile(`\b` + constant + `\b`).MatchString(text) {
				used[key] = true
			}
		}
	}
	if got, want := slices.Sorted(maps.Keys(used)), slices.Sorted(maps.Values(declared)); !slices.Equal(got, want) {
		t.Errorf("the code uses the keys %v, keys.go has %v", got, want)
	}
}

// Without this test, nobody would notice that a Lua file is unused.
func TestScripts_EveryFileIsAVerb(t *testing.T) {
	files, _ := filepath.Glob("lua/*.lua")
	before := []string{"entries", "outbox"} // these are put before verbs (scripts.go)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".lua")
		if scripts[name] == nil && !slices.Contains(before, name) {
			t.Errorf("%s is not used by any verb", file)
		}
	}
	if len(files) != len(scripts)+len(before) {
		t.Errorf("there are %d files for %d verbs, want one for each and %v", len(files), len(scripts), before)
	}
}

func contents(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
