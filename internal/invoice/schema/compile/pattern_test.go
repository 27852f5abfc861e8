package compile

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"ksefworker/internal/invoice/schema"
)

// matcher compiles a pattern into a table of one type, and returns a function that reports whether
// a text matches the pattern.
func matcher(t testing.TB, pattern string) (func(text string) bool, error) {
	t.Helper()
	n, err := parsePattern(pattern)
	if err != nil {
		return nil, err
	}
	p, err := compilePattern(pattern, n)
	if err != nil {
		return nil, err
	}
	v := schema.Value{Patterns: []uint8{0}}
	table := &schema.Table{Values: []schema.Value{v}, Patterns: []schema.Pattern{p}}
	return func(text string) bool { return table.Breach(schema.ToValue(0), text) == "" }, nil
}

func TestPattern_EachConstruct_MatchesWhatXMLSchemaSays(t *testing.T) {
	for _, c := range []struct{ pattern, yes, no string }{
		{"", "", "a"},
		{"abc", "abc", "ab abcd xabc"},
		{"a|bc|", "a bc", "ab b abc"},
		{"a?b*c+", "c ac abbc cc", "a b ab abb"},
		{"a{2}", "aa", "a aaa"},
		{"a{2,}", "aa aaa aaaaaa", "a"},
		{"a{0,2}b", "b ab aab", "aaab"},
		{"(ab|c){2,3}", "abc ccc ababab cc", "ab c cccc"},
		{"(a*)*", "a aaaa", "b"},
		{"(a?){3}b", "b ab aaab", "aaaab"},
		{".", "a ż 😀 \u00a0", "aa"},
		{`\.\\\-\[\]\(\)\{\}\^\?\*\+\|`, `.\-[](){}^?*+|`, "a"},
		{"^a$", "^a$", "a"}, // ^ and $ have no special meaning in XML Schema
		{`\d`, "0 9 ٣ ３", "a ½ ²"},
		{`\D\S\w\W`, "a.a.", "1.a. a.a1"},
		{`[^\s?#]+`, "abc ż", "a?b a#b"},
		{"[a-c-]", "a b c -", "d"},
		{"[-a]", "- a", "b"},
		{`[\-a\]]`, "- a ]", "\\"},
		{"[a-z-[aeiou]]+", "xyz", "xayz e"},
		{"[^a-z-[0-9]]", "A .", "a 5"},
		{`\p{Lu}\p{Nd}\P{L}`, "Ż5.", "ż5. Ż5a"},
		{`[1-9]((\d[1-9])|([1-9]\d))\d{7}`, "5265877635 1010000000 1100000000", "1000000000 0265877635 526587763 52658776355"},
		{"[\U0001F600-\U0001F64F]{2}", "😀😁", "😀 😀a"},
	} {
		match, err := matcher(t, c.pattern)
		if err != nil {
			t.Errorf("compile the pattern %s: %v", c.pattern, err)
			continue
		}
		for _, text := range strings.Split(c.yes, " ") {
			if !match(text) {
				t.Errorf("%s does not match %q, want that it does", c.pattern, text)
			}
		}
		for _, text := range strings.Split(c.no, " ") {
			if match(text) {
				t.Errorf("%s matches %q, want that it does not", c.pattern, text)
			}
		}
	}
}

func TestPattern_Malformed_IsAnError(t *testing.T) {
	for _, pattern := range []string{"(", ")", "a)", "[", "[]", "[a", "[b-a]", "a{", "a{x}", "a{2,1}", "*", "+a", "a**", `\`,
		`\q`, `\p`, `\p{Xx}`, "[a-[b]c]", "[[a]", "{2}"} {
		if _, err := matcher(t, pattern); err == nil {
			t.Errorf("the pattern %s was compiled, want an error", pattern)
		}
	}
}

// FuzzPattern compares with package regexp where both have the same notation.
func FuzzPattern(f *testing.F) {
	f.Add(`-?([1-9]\d{0,15}|0)(\.\d{1,2})?`, "-12.50")
	f.Add(`(https?)://([a-z]+\.)+[a-z]{2,}(:[0-9]{1,5})?(/[^?#]*)?`, "https://a.pl/x")
	f.Add("(.)+@(.)+", "a@b")
	f.Add("(a|b)*abb", "aababb")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 40 || !utf8.ValidString(pattern) || !utf8.ValidString(text) || strings.Contains(pattern, "999") {
			return
		}
		match, err := matcher(t, pattern)
		// ^ and $ are ordinary characters in XML Schema, (? and lazy quantifiers do not exist, and
		// [ has other rules inside brackets.
		if err != nil || strings.ContainsAny(pattern, "^$[") || strings.Contains(pattern, "(?") || strings.Contains(pattern, "}?") ||
			strings.Contains(strings.ReplaceAll(strings.ReplaceAll(pattern, `\d`, ""), `\.`, ""),
				`\`) || regexp.MustCompile(`[?*+}][?+*{]`).MatchString(pattern) {
			return
		}
		theirs, err := regexp.Compile(`\A(?:` + strings.NewReplacer(`\d`, `\p{Nd}`, `\.`, `\.`, ".", `[^\n\r]`).Replace(pattern) + `)\z`)
		if err != nil {
			return
		}
		if match(text) != theirs.MatchString(text) {
			t.Errorf("pattern %s and text %q: match = %v, and package regexp says %v", pattern, text, match(text), !match(text))
		}
	})
}
