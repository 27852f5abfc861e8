package explain

import "strings"

// maxJoined bounds how many sentences of one text are looked up, because a text may quote anything.
const maxJoined = 8

// SayJoined translates a text whose sentences are joined by semicolons, such as a reason and what
// is done about it. Several faults are joined by " | ". English text is returned as it is. In
// Polish, a sentence that the table lacks stays as it is, and the result is false if the table
// lacks every sentence.
func SayJoined(l Language, text string) (string, bool) {
	if l != Polish {
		return text, true
	}
	const between = " | "
	faults, found := strings.SplitN(text, between, maxJoined), false
	for i := range faults {
		said, ok := sayJoined(faults[i])
		faults[i], found = said, found || ok
	}
	return strings.Join(faults, between), found
}

// sayJoined returns sentences that semicolons join in Polish.
func sayJoined(text string) (string, bool) {
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
