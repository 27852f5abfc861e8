package explain

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

// sentence is a sentence of the program in both languages. Stars stand for any text.
type sentence struct {
	EN string `yaml:"en"`
	PL string `yaml:"pl"`

	form *regexp.Regexp
	most int // how much of the form is not a star
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
	if text == "" || len(text) > maxSentence || nested == 0 {
		return "", false
	}
	var best *sentence
	var stars []string
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
	if best == nil {
		return "", false
	}
	for i := range stars {
		if pl, ok := say(stars[i], nested-1); ok {
			stars[i] = strings.TrimSuffix(pl, ".")
		}
	}
	return best.with(stars), true
}

var place = regexp.MustCompile(`\{[1-9]\}|\*`)

// with returns the Polish sentence with texts in the place of its stars.
func (s *sentence) with(stars []string) string {
	next := 0
	return place.ReplaceAllStringFunc(s.PL, func(at string) string {
		n := next
		if at == "*" {
			next++
		} else {
			n, _ = strconv.Atoi(strings.Trim(at, "{}"))
			n--
		}
		if n < 0 || n >= len(stars) {
			return ""
		}
		return stars[n]
	})
}
