package compile

import (
	"slices"
	"sort"
	"unicode"
)

// interval is a range of characters, both ends inclusive.
type interval struct{ from, to rune }

// set is a set of characters, as sorted intervals with gaps between them.
type set []interval

func normalized(s set) set {
	slices.SortFunc(s, func(a, b interval) int { return int(a.from - b.from) })
	var out set
	for _, r := range s {
		if n := len(out); n > 0 && r.from <= out[n-1].to+1 {
			out[n-1].to = max(out[n-1].to, r.to)
			continue
		}
		out = append(out, r)
	}
	return out
}

func union(a, b set) set { return normalized(append(slices.Clone(a), b...)) }

func negated(s set) set {
	var out set
	next := rune(0)
	for _, r := range s {
		if r.from > next {
			out = append(out, interval{next, r.from - 1})
		}
		next = r.to + 1
	}
	if next <= unicode.MaxRune {
		out = append(out, interval{next, unicode.MaxRune})
	}
	return out
}

func without(a, b set) set { return negated(union(negated(a), b)) }

func (s set) has(r rune) bool {
	i := sort.Search(len(s), func(i int) bool { return s[i].to >= r })
	return i < len(s) && s[i].from <= r
}

func one(r rune) set { return set{{r, r}} }

// fromTable makes a set of the ranges of package unicode.
func fromTable(t *unicode.RangeTable) set {
	var s set
	add := func(from, to, stride rune) {
		if stride == 1 {
			s = append(s, interval{from, to})
			return
		}
		for r := from; r <= to; r += stride {
			s = append(s, interval{r, r})
		}
	}
	for _, r := range t.R16 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	for _, r := range t.R32 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	return normalized(s)
}

// The sets of XML Schema Part 2, appendix F.1.1.
func whiteSpaceSet() set { return set{{'\t', '\n'}, {'\r', '\r'}, {' ', ' '}} }
func anySet() set        { return negated(set{{'\n', '\n'}, {'\r', '\r'}}) }
func digitSet() set      { return fromTable(unicode.Nd) }

// wordSet returns every character except those of Unicode's categories P (punctuation), Z
// (separators) and C (other).
func wordSet() set {
	not := union(union(fromTable(unicode.P), fromTable(unicode.Z)), fromTable(unicode.C))
	assigned := set{}
	for _, name := range []string{"L", "M", "N", "S"} {
		assigned = union(assigned, fromTable(unicode.Categories[name]))
	}
	return without(assigned, not)
}

// classes divides all characters so that those of one class are in the same sets. It returns the
// intervals in order, each with its class, and how many classes there are.
func classes(sets []set) (parts []interval, class []int, count int) {
	cuts := []rune{0, unicode.MaxRune + 1, 128}
	for _, s := range sets {
		for _, r := range s {
			cuts = append(cuts, r.from, r.to+1)
		}
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	number := map[string]int{}
	for i := range len(cuts) - 1 {
		signature := make([]byte, len(sets))
		for j, s := range sets {
			signature[j] = "01"[b2i(s.has(cuts[i]))]
		}
		n, known := number[string(signature)]
		if !known {
			n = len(number)
			number[string(signature)] = n
		}
		parts, class = append(parts, interval{cuts[i], cuts[i+1] - 1}), append(class, n)
	}
	return parts, class, len(number)
}
