package explain

import "strings"

// maxJoined bounds how many sentences of one text are looked for, because a text may quote
// anything.
const maxJoined = 8

// SayJoined returns in a language a text of sentences that semicolons join, such as a reason and
// what is done about it. For English it returns the text as it is. For Polish, a sentence that the
// table does not have stays as it is. The result false means that the table has none of the
// sentences.
func SayJoined(l Language, text string) (string, bool) {
	if l != Polish {
		return text, true
	}
	parts := strings.SplitN(text, "; ", maxJoined)
	var said []string
	found := false
	for len(parts) > 0 {
		one, n := parts[0], 1
		for end := 1; end <= len(parts); end++ { // a sentence may have semicolons of its own
			if pl, ok := Say(Polish, strings.Join(parts[:end], "; ")); ok {
				one, n, found = strings.TrimSuffix(pl, "."), end, true
				break
			}
		}
		said, parts = append(said, one), parts[n:]
	}
	return strings.Join(said, "; "), found
}
