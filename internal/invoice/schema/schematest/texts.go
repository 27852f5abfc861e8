package schematest

import (
	"fmt"
	"strings"

	"ksefworker/internal/invoice/schema"
)

// text returns a text of a type, escaped; always the same one.
func (a *author) text(r schema.Ref, fixed string) string {
	if fixed != "" {
		return escaper.Replace(fixed)
	}
	if text, known := a.valid[r]; known {
		return text
	}
	v := a.t.ValueOf(r)
	for _, candidate := range candidates(a.t, v) {
		if a.t.Breach(r, candidate) == "" {
			if a.valid == nil {
				a.valid = map[schema.Ref]string{}
			}
			a.valid[r] = escaper.Replace(candidate)
			return a.valid[r]
		}
	}
	panic(fmt.Sprintf("no text for type %v %+v", v.Name, *v))
}

// randomText returns some text of a type, escaped.
func (a *author) randomText(r schema.Ref, fixed string) string {
	if fixed != "" {
		return escaper.Replace(fixed)
	}
	v := a.t.ValueOf(r)
	for range 20 {
		candidate := a.draw(v)
		if a.t.Breach(r, candidate) == "" {
			return escaper.Replace(candidate)
		}
	}
	return a.text(r, "")
}

func (a *author) draw(v *schema.Value) string {
	if len(v.Enum) > 0 {
		return v.Enum[a.random.IntN(len(v.Enum))]
	}
	if len(v.Patterns) > 0 {
		return a.walk(&a.t.Patterns[v.Patterns[len(v.Patterns)-1]])
	}
	switch v.Kind {
	case schema.Decimal, schema.Integer:
		return fmt.Sprint(a.random.IntN(2000))
	case schema.Date:
		return fmt.Sprintf("%04d-%02d-%02d", 1990+a.random.IntN(60), 1+a.random.IntN(12), 1+a.random.IntN(31))
	case schema.DateTime:
		return fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02dZ", 2020+a.random.IntN(30), 1+a.random.IntN(12), 1+a.random.IntN(31),
			a.random.IntN(24), a.random.IntN(60), a.random.IntN(60))
	case schema.Union:
		return a.draw(a.t.ValueOf(v.Members[a.random.IntN(len(v.Members))]))
	}
	letters := []rune("aąbcćdeęfgłóżŹŁ0123456789 -/.&<>\"'€😀")
	n := int(v.MinLength)
	if most := int(v.MaxLength); most == 0 || most > n+30 {
		n += a.random.IntN(30)
	} else {
		n += a.random.IntN(most - n + 1)
	}
	var b strings.Builder
	for range n {
		b.WriteRune(letters[a.random.IntN(len(letters))])
	}
	return b.String()
}

// walk draws a way through a pattern's automaton and returns its text. The pattern matches nearly
// every such text.
func (a *author) walk(p *schema.Pattern) string {
	// distance is the number of characters from each state to the nearest end. After some steps the
	// way goes only to states that are nearer to an end.
	states := len(p.Final)
	distance := make([]int, states)
	for s := range distance {
		if distance[s] = states; p.Final[s] == '1' {
			distance[s] = 0
		}
	}
	for range states {
		for s := range states {
			for k := range p.Classes {
				if to := int(p.Next[s*p.Classes+k]) - 1; to >= 0 {
					distance[s] = min(distance[s], distance[to]+1)
				}
			}
		}
	}
	samples := make([][]byte, p.Classes)
	for c := byte(' '); c < 127; c++ {
		samples[p.ASCII[c]] = append(samples[p.ASCII[c]], c)
	}
	var text []byte
	for s, steps := 0, a.random.IntN(40); ; steps-- {
		if p.Final[s] == '1' && (steps <= 0 || a.random.IntN(8) == 0) {
			return string(text)
		}
		var possible [][2]int
		for k := range p.Classes {
			to := int(p.Next[s*p.Classes+k]) - 1
			if to >= 0 && len(samples[k]) > 0 && (steps > 0 || distance[to] < distance[s]) {
				possible = append(possible, [2]int{k, to})
			}
		}
		if len(possible) == 0 {
			return string(text)
		}
		choice := possible[a.random.IntN(len(possible))]
		text = append(text, samples[choice[0]][a.random.IntN(len(samples[choice[0]]))])
		s = choice[1]
	}
}

// candidates returns texts. At least one of them should be valid for v.
func candidates(t *schema.Table, v *schema.Value) []string {
	out := append([]string{}, v.Enum...)
	for _, p := range v.Patterns {
		a := &author{t: t, random: newRandom(11)}
		for range 50 {
			out = append(out, a.walk(&t.Patterns[p]))
		}
	}
	for _, m := range v.Members {
		out = append(out, candidates(t, t.ValueOf(m))...)
	}
	switch v.Kind {
	case schema.Decimal, schema.Integer:
		return append([]string{"1", "10"}, append(out, "-1", "0", "100")...)
	case schema.Date:
		return append([]string{"2026-11-23", "2016-07-02"}, out...)
	case schema.DateTime:
		return append([]string{"2026-11-23T08:15:00Z", "2026-11-23T08:15:00"}, out...)
	}
	return append(out, "Abc", "5210000003", strings.Repeat("x", max(1, int(v.MinLength))), "")
}
