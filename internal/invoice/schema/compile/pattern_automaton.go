package compile

import (
	"fmt"
	"slices"
	"strings"

	"ksefworker/internal/invoice/schema"
)

// nfa is a nondeterministic automaton. It begins in state 0 and ends in state 1.
type nfa struct {
	silent [][]int // state: next states that need no character
	sets   []set
	moves  [][]move
}

type move struct{ set, to int }

func (a *nfa) state() int {
	a.silent, a.moves = append(a.silent, nil), append(a.moves, nil)
	return len(a.silent) - 1
}

// add builds n between two states.
func (a *nfa) add(n *node, from, to int) {
	switch n.op {
	case opSet:
		a.sets = append(a.sets, n.set)
		a.moves[from] = append(a.moves[from], move{len(a.sets) - 1, to})
	case opEither:
		for _, p := range n.parts {
			a.add(p, from, to)
		}
	case opJoin:
		for _, p := range n.parts {
			next := a.state()
			a.add(p, from, next)
			from = next
		}
		a.silent[from] = append(a.silent[from], to)
	case opRepeat:
		for range n.least {
			next := a.state()
			a.add(n.parts[0], from, next)
			from = next
		}
		if n.most == unbounded {
			// The loop needs a state of its own, because from may have other ways out.
			loop := a.state()
			a.silent[from] = append(a.silent[from], loop)
			a.add(n.parts[0], loop, loop)
			from = loop
		}
		for range n.most - n.least {
			a.silent[from] = append(a.silent[from], to)
			next := a.state()
			a.add(n.parts[0], from, next)
			from = next
		}
		a.silent[from] = append(a.silent[from], to)
	}
}

// closure adds the states that are reached without a character. It returns all the states, sorted.
func (a *nfa) closure(states []int) []int {
	for i := 0; i < len(states); i++ {
		for _, next := range a.silent[states[i]] {
			if !slices.Contains(states, next) {
				states = append(states, next)
			}
		}
	}
	slices.Sort(states)
	return states
}

// pattern returns the table index of a pattern that combines the sources: it matches every text
// that one of them matches. It adds the pattern when it is new.
func (c *compiler) pattern(at *element, sources []string) (uint8, error) {
	source := strings.Join(sources, "|")
	if i, made := c.sharedP[source]; made {
		return i, nil
	}
	whole := &node{op: opEither}
	for _, s := range sources {
		n, err := parsePattern(s)
		if err != nil {
			return 0, at.fail("%v", err)
		}
		whole.parts = append(whole.parts, n)
	}
	p, err := compilePattern(source, whole)
	if err != nil {
		return 0, at.fail("%v", err)
	}
	if len(c.table.Patterns) > 255 {
		return 0, at.fail("more than 256 patterns are not supported")
	}
	c.table.Patterns = append(c.table.Patterns, p)
	i := uint8(len(c.table.Patterns) - 1)
	c.sharedP[source] = i
	return i, nil
}

// compilePattern makes a deterministic automaton.
func compilePattern(source string, n *node) (schema.Pattern, error) {
	a := &nfa{}
	a.state()
	a.state()
	a.add(n, 0, 1)
	parts, class, count := classes(a.sets)
	member := make([][]bool, count) // class, set
	for i, r := range parts {
		member[class[i]] = make([]bool, len(a.sets))
		for j, s := range a.sets {
			member[class[i]][j] = s.has(r.from)
		}
	}
	states := [][]int{a.closure([]int{0})}
	number := map[string]int{string(runes(states[0])): 0}
	var next [][]int // [state][class]: next state or -1
	for s := 0; s < len(states); s++ {
		row := make([]int, count)
		for k := range count {
			var to []int
			for _, from := range states[s] {
				for _, m := range a.moves[from] {
					if member[k][m.set] && !slices.Contains(to, m.to) {
						to = append(to, m.to)
					}
				}
			}
			row[k] = -1
			if to == nil {
				continue
			}
			to = a.closure(to)
			key := string(runes(to))
			if _, known := number[key]; !known {
				if len(states) > 4096 {
					return schema.Pattern{}, fmt.Errorf("pattern %s is too large", source)
				}
				number[key] = len(states)
				states = append(states, to)
			}
			row[k] = number[key]
		}
		next = append(next, row)
	}
	final := make([]bool, len(states))
	for s := range states {
		final[s] = slices.Contains(states[s], 1)
	}
	next, final = minimal(next, final)
	if len(next) > maxStates {
		return schema.Pattern{}, fmt.Errorf("pattern %s needs %d states; at most %d are supported", source, len(next), maxStates)
	}
	p := schema.Pattern{Source: source, Classes: count}
	p.ASCII, p.Wide, p.Other = layout(parts, class)
	var rows, ends strings.Builder
	for s, row := range next {
		for _, to := range row {
			rows.WriteByte(byte(to + 1))
		}
		ends.WriteByte("01"[b2i(final[s])])
	}
	p.Next, p.Final = rows.String(), ends.String()
	return p, nil
}

// minimal merges states that behave alike. State 0 stays state 0.
func minimal(next [][]int, final []bool) ([][]int, []bool) {
	group := make([]int, len(next))
	for s := range group {
		group[s] = b2i(final[s])
	}
	for groups := 0; ; {
		number := map[string]int{}
		refined := make([]int, len(next))
		for s, row := range next {
			key := fmt.Sprint(group[s])
			for _, to := range row {
				if to >= 0 {
					to = group[to]
				}
				key += fmt.Sprint(" ", to)
			}
			if _, known := number[key]; !known {
				number[key] = len(number)
			}
			refined[s] = number[key]
		}
		group = refined
		if len(number) == groups {
			break
		}
		groups = len(number)
	}
	var rows [][]int
	var ends []bool
	for s, row := range next {
		if group[s] < len(rows) {
			continue
		}
		merged := make([]int, len(row))
		for k, to := range row {
			if merged[k] = -1; to >= 0 {
				merged[k] = group[to]
			}
		}
		rows, ends = append(rows, merged), append(ends, final[s])
	}
	return rows, ends
}

// layout returns the classes in the form of [schema.Pattern]: the fields ASCII, Wide and Other.
func layout(parts []interval, class []int) (ascii string, wide []schema.Range, other uint8) {
	var low [128]byte
	size := map[int]rune{}
	for i, p := range parts {
		if p.from < 128 {
			for r := p.from; r <= p.to; r++ {
				low[r] = byte(class[i])
			}
			continue
		}
		size[class[i]] += p.to - p.from + 1
	}
	most := rune(0)
	for k, n := range size {
		if n > most {
			most, other = n, uint8(k)
		}
	}
	for i, p := range parts {
		if p.from < 128 || uint8(class[i]) == other {
			continue
		}
		if n := len(wide); n > 0 && wide[n-1].To+1 == p.from && wide[n-1].Class == uint8(class[i]) {
			wide[n-1].To = p.to
			continue
		}
		wide = append(wide, schema.Range{From: p.from, To: p.to, Class: uint8(class[i])})
	}
	return string(low[:]), wide, other
}
