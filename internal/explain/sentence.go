package explain

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// sentence is a sentence of the program in both languages. Stars stand for any text.
type sentence struct {
	EN string `yaml:"en"`
	PL string `yaml:"pl"`

	form *regexp.Regexp
	most int // the length of the form without its stars
}

var sentences = sync.OnceValue(func() []sentence {
	all, err := readSentences()
	if err != nil {
		panic(err) // the file is part of the program, and a test reads it
	}
	return all
})

func readSentences() ([]sentence, error) {
	raw, err := files.ReadFile("words/sentences.yaml")
	if err != nil {
		return nil, fmt.Errorf("read sentences: %w", err)
	}
	var file struct {
		Sentences []sentence `yaml:"sentences"`
	}
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("read sentences: %w", err)
	}
	for i := range file.Sentences {
		s := &file.Sentences[i]
		parts := strings.Split(s.EN, "*")
		s.most = len(s.EN) - len(parts) + 1
		for at := range parts {
			parts[at] = regexp.QuoteMeta(parts[at])
		}
		if s.form, err = regexp.Compile(`(?s)^` + strings.Join(parts, "(.*?)") + `$`); err != nil {
			return nil, fmt.Errorf("sentence %q: %w", s.EN, err)
		}
	}
	return file.Sentences, nil
}

// Sentences returns the sentences in English, with stars.
func Sentences() []string {
	var all []string
	for _, s := range sentences() {
		all = append(all, s.EN)
	}
	return all
}

const (
	// maxSentence bounds the texts that are translated, in bytes.
	maxSentence = 4000
	// maxNested is how many levels of sentences are translated, the outermost included.
	maxNested = 3
)

// Say returns a sentence of the program in a language. In English the sentence is text itself.
// false means that the sentence is not known in Polish. It may be a sentence of KSeF, which is in
// Polish already.
func Say(l Language, text string) (string, bool) {
	if l != Polish {
		return text, true
	}
	return say(text, maxNested)
}

func say(text string, nested int) (string, bool) {
	if nested == 0 {
		return "", false
	}
	best, stars := known(text)
	if best == nil {
		return "", false
	}
	return best.with(stars, nested-1), true
}

// known returns the sentence whose form a text has, and the texts in the place of its stars. If the
// text has several forms, known returns the sentence with the longest form, not counting stars. If
// the text has none, known returns nil.
func known(text string) (best *sentence, stars []string) {
	if text == "" || len(text) > maxSentence {
		return nil, nil
	}
	all := sentences()
	for i := range all {
		s := &all[i]
		if best != nil && s.most <= best.most {
			continue
		}
		if found := s.form.FindStringSubmatch(text); found != nil {
			best, stars = s, found[1:]
		}
	}
	return best, stars
}

// maxCuts bounds at how many places sayBoth cuts a text, because a text may quote anything.
const maxCuts = 10

// sayBoth translates into Polish one sentence, or two sentences that a semicolon joins. A document
// may be refused for a reason outside the document. The record of such a refusal has the rule and
// the hint in one text.
func sayBoth(text string) (string, bool) {
	rule, hint, most := text, "", 0
	if s, _ := known(text); s != nil {
		most = s.most
	}
	for at, cuts := 0, 0; cuts < maxCuts; cuts++ {
		n := strings.Index(text[at:], "; ")
		if n < 0 {
			break
		}
		at += n
		a, _ := known(text[:at])
		b, _ := known(text[at+2:])
		if a != nil && b != nil && a.most+b.most > most {
			rule, hint, most = text[:at], text[at+2:], a.most+b.most
		}
		at += 2
	}
	said, ok := say(rule, maxNested)
	if hint != "" {
		more, _ := say(hint, maxNested)
		said = strings.TrimSuffix(said, ".") + "; " + more
	}
	return said, ok
}

var place = regexp.MustCompile(`\{[1-9](?:\|state)?\}|\*`)

// with returns the Polish sentence with texts in the place of its stars. A text that is itself a
// sentence of the program is translated, too.
func (s *sentence) with(stars []string, nested int) string {
	next := 0
	return place.ReplaceAllStringFunc(s.PL, func(at string) string {
		n := next
		number, kind, _ := strings.Cut(strings.Trim(at, "{}"), "|")
		if at == "*" {
			next++
		} else {
			n, _ = strconv.Atoi(number)
			n--
		}
		if n < 0 || n >= len(stars) {
			return ""
		}
		if e, ok := Of(State, stars[n]); ok && kind == "state" {
			return lowered(e.PL.Name)
		}
		if pl, ok := say(stars[n], nested); ok {
			return strings.TrimSuffix(pl, ".")
		}
		return stars[n]
	})
}

// lowered returns a name as it stands inside a sentence.
func lowered(name string) string {
	first, n := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(first)) + name[n:]
}
