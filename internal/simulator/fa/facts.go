package fa

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

//go:generate go run ./facts

// The facts of the Ministry's schemas, which command facts writes.
var (
	//go:embed schema_v3.json
	factsV3 []byte
	//go:embed schema_v2.json
	factsV2 []byte
)

// contentOf returns the content of the root element in the schema of a version, v2 or v3. The
// schemas are compiled at first use and never change.
func contentOf(version string) *content { return compiled().roots[version] }

// typesOf returns the types that xsi:type can name in a document of a version.
func typesOf(version string) map[string]namedType { return compiled().types[version] }

var compiled = sync.OnceValue(func() *schemas {
	s := &schemas{roots: map[string]*content{}, types: map[string]map[string]namedType{}, names: map[string]string{}}
	s.load("v2", factsV2)
	s.load("v3", factsV3)
	return s
})

type schemas struct {
	roots map[string]*content // by version
	types map[string]map[string]namedType
	names map[string]string // the names of all elements; each is its own key
}

// content is what an element with children may contain.
type content struct {
	letters map[string]byte // a letter for each child's name
	names   []string        // by letter
	model   *regexp.Regexp  // over the letters
	most    map[byte]int    // how often a child may be repeated, where the model sets no limit
	child   map[string]child
	attrs   map[string]attribute
	text    *textType // of an element with text and attributes
}

// child is the type of a child. Either content or text is set.
type child struct {
	letter  byte
	content *content
	text    *textType
	fixed   string
	typ     string // name of the type in the facts
}

// namedType is a type that xsi:type can name. Either content or text is set.
type namedType struct {
	content *content
	text    *textType
	parent  string // name of the type from which it is derived
}

type attribute struct {
	Required bool
	Fixed    string
	Type     string
	text     *textType
}

// textType is the type of a text with the facets of all types that it restricts.
type textType struct {
	Base           string
	Enumeration    []string
	Patterns       []string
	Members        []string
	WhiteSpace     string
	MinLength      string
	MaxLength      string
	TotalDigits    string
	FractionDigits string
	MinInclusive   string
	MinExclusive   string
	MaxInclusive   string
	MaxExclusive   string

	patterns   []*regexp.Regexp
	ascii      []*regexp.Regexp // the same for texts of ASCII alone, which package regexp matches faster
	members    []*textType
	allowed    map[string]bool
	low, high  *big.Rat // of numbers
	openLow    bool
	shortest   int
	longest    int // -1 for no limit
	total      int // -1 for no limit
	fractional int // -1 for no limit
	// isNumber is set when the values are compared as numbers, and isWhole when they are whole.
	isNumber, isWhole bool
}

// load compiles the facts of one form. It panics on a mistake in the facts. They are part of the
// program, so the first document of any test shows the mistake.
func (s *schemas) load(version string, text []byte) {
	var raw struct {
		Types    map[string]*textType
		Elements map[string]json.RawMessage
		Named    map[string]string // parent by name
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		panic(fmt.Errorf("read the facts of the schema: %w", err))
	}
	for _, t := range raw.Types {
		t.compile(raw.Types)
	}
	made := map[string]*content{}
	for name := range raw.Elements {
		made[name] = &content{}
	}
	for name, c := range made {
		var e struct {
			Content, Text string
			Children      map[string]string
			Attributes    map[string]attribute
		}
		fixed := map[string]any{}
		if err := json.Unmarshal(raw.Elements[name], &e); err != nil {
			panic(fmt.Errorf("read the facts of %s: %w", name, err))
		}
		if err := json.Unmarshal(raw.Elements[name], &fixed); err != nil {
			panic(fmt.Errorf("read the facts of %s: %w", name, err))
		}
		c.child = map[string]child{}
		for name, of := range e.Children {
			one := child{content: made[of], typ: strings.TrimPrefix(of, "=")}
			if text, isText := strings.CutPrefix(of, "="); isText {
				one.text = raw.Types[text]
			}
			one.fixed, _ = fixed["fixed "+name].(string)
			c.child[name] = one
		}
		for name, a := range e.Attributes {
			a.text = raw.Types[a.Type]
			e.Attributes[name] = a
		}
		c.attrs, c.text = e.Attributes, raw.Types[e.Text]
		c.compile(e.Content)
		for name, letter := range c.letters {
			one := c.child[name]
			one.letter = letter
			c.child[name] = one
			s.names[name] = name
		}
	}
	s.roots[version], s.types[version] = made["Faktura"], map[string]namedType{}
	for name, parent := range raw.Named {
		s.types[version][name] = namedType{content: made[name], text: raw.Types[name], parent: parent}
	}
}

// tokens are the names and operators of a content model.
var tokens = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*|\{[0-9,]+\}|[()|?]`)

// compile makes a regular expression over letters. Package regexp allows no repetition above 1,000,
// and long repetitions make it slow. So checkEnd counts repetitions above 3 by itself.
func (c *content) compile(model string) {
	c.letters, c.most = map[string]byte{}, map[byte]int{}
	var b strings.Builder
	last := byte(0)
	for _, t := range tokens.FindAllString(model, -1) {
		switch {
		case t == "(":
			b.WriteString("(?:")
			last = 0
		case t[0] == '{':
			least, most, _ := strings.Cut(strings.Trim(t, "{}"), ",")
			if n, err := strconv.Atoi(most); err == nil && n <= 3 {
				b.WriteString(t)
				continue
			} else if err == nil {
				c.most[last] = n
			}
			sign := map[string]string{"0": "*", "1": "+"}[least]
			if sign == "" || last == 0 {
				panic(fmt.Errorf("the repetition %s in %s cannot be counted", t, model))
			}
			b.WriteString(sign)
		case strings.Contains(")|?", t):
			b.WriteString(t)
			last = 0 // only the repetitions of single elements are counted
		default:
			letter, known := c.letters[t]
			if !known {
				letter = byte('0' + len(c.letters))
				c.letters[t] = letter
				c.names = append(c.names, t)
			}
			last = letter
			b.WriteString(regexp.QuoteMeta(string(rune(letter))))
		}
	}
	c.model = regexp.MustCompile(`^(?:` + b.String() + `)$`)
}

func (t *textType) compile(all map[string]*textType) {
	limit := func(text string) int {
		if text == "" {
			return -1
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			panic(err)
		}
		return n
	}
	t.shortest, t.longest, t.total, t.fractional = max(0, limit(t.MinLength)), limit(t.MaxLength), limit(t.TotalDigits),
		limit(t.FractionDigits)
	t.isWhole = t.Base == "integer"
	t.isNumber = t.isWhole || t.Base == "decimal"
	t.openLow = t.MinExclusive != ""
	t.low, _ = new(big.Rat).SetString(t.MinInclusive)
	if t.openLow {
		t.low, _ = new(big.Rat).SetString(t.MinExclusive)
	}
	t.high, _ = new(big.Rat).SetString(t.MaxInclusive)
	for _, p := range t.Patterns {
		// In XML Schema \d is every decimal digit, and the dot is everything but line ends.
		p = `^(?:` + strings.ReplaceAll(p, `(.)`, `([^\n\r])`) + `)$`
		t.patterns = append(t.patterns, regexp.MustCompile(strings.ReplaceAll(p, `\d`, `\p{Nd}`)))
		t.ascii = append(t.ascii, regexp.MustCompile(strings.ReplaceAll(p, `\d`, `[0-9]`)))
	}
	if len(t.Enumeration) > 0 {
		t.allowed = map[string]bool{}
		for _, e := range t.Enumeration {
			t.allowed[e] = true
		}
	}
	for _, m := range t.Members {
		t.members = append(t.members, all[m])
	}
}
