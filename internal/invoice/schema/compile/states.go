package compile

import (
	"slices"
	"strings"
)

// determine makes the automaton deterministic. Each of its states is a set of positions.
func (g *glushkov) determine(whole part) error {
	states := [][]int{nil}
	number := map[string]int{}
	var next, final strings.Builder
	var limits []int32
	limited := false
	for s := 0; s < len(states); s++ {
		from := states[s]
		reach := whole.first
		ends := whole.empty
		limit := 0
		if s > 0 {
			reach, ends = nil, false
			for _, p := range from {
				reach = append(reach, g.follow[p]...)
				ends = ends || slices.Contains(whole.last, p)
				if g.loops[p] {
					limit = g.limit[p]
				}
			}
		}
		if limit > 0 && len(from) > 1 {
			return g.at.fail("the place of %s is ambiguous", g.t.Children[g.child[from[0]]].Name)
		}
		limits, limited = append(limits, int32(limit)), limited || limit > 0
		final.WriteByte("01"[b2i(ends)])
		for c := range g.t.Children {
			var to []int
			for _, p := range reach {
				if g.child[p] == c && !slices.Contains(to, p) {
					to = append(to, p)
				}
			}
			if to == nil {
				next.WriteByte(0)
				continue
			}
			slices.Sort(to)
			key := string(runes(to))
			if _, known := number[key]; !known {
				number[key] = len(states)
				states = append(states, to)
			}
			if number[key] >= maxStates {
				return g.at.fail("the content has more than %d states", maxStates)
			}
			next.WriteByte(byte(number[key] + 1))
		}
	}
	g.t.Next, g.t.Final = next.String(), final.String()
	if limited {
		g.t.Limits = limits
	}
	return nil
}

func runes(of []int) []rune {
	out := make([]rune, len(of))
	for i, n := range of {
		out[i] = rune(n)
	}
	return out
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
