package compile

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// node is a part of a regular expression.
type node struct {
	op          op
	set         set // of opSet
	parts       []*node
	least, most int // of opRepeat; most is unbounded for no limit
}

type op int

const (
	opSet op = iota
	opJoin
	opEither
	opRepeat
)

// patternParser reads the regular expressions of XML Schema (Part 2, appendix F). They always match
// the whole value, and ^ and $ are ordinary characters.
type patternParser struct {
	text []rune
	at   int
}

func parsePattern(text string) (*node, error) {
	p := &patternParser{text: []rune(text)}
	n, err := p.either()
	if err == nil && p.at < len(p.text) {
		err = fmt.Errorf("unexpected %q", p.text[p.at])
	}
	if err != nil {
		return nil, fmt.Errorf("pattern %s, character %d: %w", text, p.at+1, err)
	}
	return n, nil
}

func (p *patternParser) peek() rune {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return -1
}

func (p *patternParser) either() (*node, error) {
	n := &node{op: opEither}
	for {
		branch := &node{op: opJoin}
		for p.peek() != -1 && p.peek() != '|' && p.peek() != ')' {
			piece, err := p.piece()
			if err != nil {
				return nil, err
			}
			branch.parts = append(branch.parts, piece)
		}
		n.parts = append(n.parts, branch)
		if p.peek() != '|' {
			return n, nil
		}
		p.at++
	}
}

func (p *patternParser) piece() (*node, error) {
	n, err := p.atom()
	if err != nil {
		return nil, err
	}
	least, most := 1, 1
	switch p.peek() {
	case '?':
		least = 0
	case '*':
		least, most = 0, unbounded
	case '+':
		most = unbounded
	case '{':
		end := strings.IndexRune(string(p.text[p.at:]), '}')
		if end < 0 {
			return nil, fmt.Errorf("{ is not closed")
		}
		low, high, ranged := strings.Cut(string(p.text[p.at+1:p.at+end]), ",")
		if least, err = strconv.Atoi(low); err != nil {
			return nil, fmt.Errorf("%q is not a valid quantity", low)
		}
		switch {
		case !ranged:
			most = least
		case high == "":
			most = unbounded
		default:
			if most, err = strconv.Atoi(high); err != nil || most < least {
				return nil, fmt.Errorf("%q is not a valid quantity", high)
			}
		}
		p.at += end
	default:
		return n, nil
	}
	p.at++
	return &node{op: opRepeat, parts: []*node{n}, least: least, most: most}, nil
}

func (p *patternParser) atom() (*node, error) {
	c := p.peek()
	p.at++
	switch c {
	case '(':
		n, err := p.either()
		if err != nil {
			return nil, err
		}
		if p.peek() != ')' {
			return nil, fmt.Errorf("( is not closed")
		}
		p.at++
		return n, nil
	case '.':
		return &node{set: anySet()}, nil
	case '[':
		s, err := p.class()
		return &node{set: s}, err
	case '\\':
		s, err := p.escape()
		return &node{set: s}, err
	case '?', '*', '+', '{', '}', ']':
		return nil, fmt.Errorf("unexpected %q", c)
	}
	return &node{set: one(c)}, nil
}

// escape reads what follows a backslash.
func (p *patternParser) escape() (set, error) {
	c := p.peek()
	p.at++
	switch c {
	case 'n':
		return one('\n'), nil
	case 'r':
		return one('\r'), nil
	case 't':
		return one('\t'), nil
	case 's':
		return whiteSpaceSet(), nil
	case 'S':
		return negated(whiteSpaceSet()), nil
	case 'd':
		return digitSet(), nil
	case 'D':
		return negated(digitSet()), nil
	case 'w':
		return wordSet(), nil
	case 'W':
		return negated(wordSet()), nil
	case 'p', 'P':
		return p.property(c == 'P')
	}
	if c >= 0 && strings.ContainsRune(`\|.?*+(){}-[]^`, c) {
		return one(c), nil
	}
	return nil, fmt.Errorf(`the escape \%c is not supported`, c)
}

// property reads {name} of a category of Unicode.
func (p *patternParser) property(negate bool) (set, error) {
	rest := string(p.text[p.at:])
	end := strings.IndexByte(rest, '}')
	if end < 1 || rest[0] != '{' {
		return nil, fmt.Errorf(`\p needs a name in braces`)
	}
	name := rest[1:end]
	table := unicode.Categories[name]
	if table == nil {
		return nil, fmt.Errorf(`the property %s is not supported`, name)
	}
	p.at += len([]rune(rest[:end+1]))
	if negate {
		return negated(fromTable(table)), nil
	}
	return fromTable(table), nil
}
