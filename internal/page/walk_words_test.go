package page

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The walks through the page in a browser find their way by its words. A walk takes minutes. So
// this test tells at once that a word of a walk is no longer a word of the page.
func TestWords_OfTheWalksInABrowser_AreWordsOfThePage(t *testing.T) {
	// The link to the other language has that language's own name. Package explain has the heading
	// of a paused tenant.
	elsewhere := []string{"English", "Polski", "Podatnik wstrzymany", "Tenant paused"}
	english, polishTexts := &strings.Builder{}, &strings.Builder{}
	for key, text := range polish {
		english.WriteString(key + "\n")
		polishTexts.WriteString(text + "\n")
	}
	for _, name := range []string{"page.mjs", "signin.mjs"} {
		walk, err := os.ReadFile("../../test/browser/" + name)
		if err != nil {
			t.Fatal(err)
		}
		texts := map[string]string{"en": english.String(), "pl": polishTexts.String()}
		for lang, shown := range texts {
			line := regexp.MustCompile(`(?m)^  ` + lang + `: \{(.*)\},$`).FindSubmatch(walk)
			if line == nil {
				t.Fatalf("%s has no line of words for %s", name, lang)
			}
			words := regexp.MustCompile(`(\w+): '([^']+)'`).FindAllSubmatch(line[1], -1)
			if len(words) < 3 {
				t.Fatalf("%s has %d words for %s, want at least 3", name, len(words), lang)
			}
			for _, word := range words {
				// Office is the name of the sign-in service of the walk.
				text := strings.ReplaceAll(string(word[2]), "Office", "%s")
				// A short word may be in any text, so a text has to begin with it.
				own := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(text) + `([^\pL]|$)`).MatchString(shown)
				if !own && (len(text) < 12 || !strings.Contains(shown, text)) && !slices.Contains(elsewhere, text) {
					t.Errorf("%s looks for %s, %q in %s, and no text of the page has it", name, word[1], word[2], lang)
				}
			}
		}
	}
}
