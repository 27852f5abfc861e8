package compile

import "fmt"

// class reads what follows [.
func (p *patternParser) class() (set, error) {
	negate := p.peek() == '^'
	if negate {
		p.at++
	}
	var s set
	for first := true; p.peek() != ']'; first = false {
		if p.peek() == -1 {
			return nil, fmt.Errorf("[ is not closed")
		}
		if p.peek() == '-' && !first && p.at+1 < len(p.text) && p.text[p.at+1] == '[' {
			p.at += 2
			other, err := p.class()
			if err != nil {
				return nil, err
			}
			if negate {
				s = negated(s)
			}
			if p.peek() != ']' {
				return nil, fmt.Errorf("] is expected after a subtraction")
			}
			p.at++
			return without(s, other), nil
		}
		from, err := p.member()
		if err != nil {
			return nil, err
		}
		single := len(from) == 1 && from[0].from == from[0].to
		if single && p.peek() == '-' && p.at+1 < len(p.text) && p.text[p.at+1] != ']' && p.text[p.at+1] != '[' {
			p.at++
			to, err := p.member()
			if err != nil {
				return nil, err
			}
			if len(to) != 1 || to[0].from != to[0].to || to[0].to < from[0].from {
				return nil, fmt.Errorf("a range of characters is expected")
			}
			from = set{{from[0].from, to[0].to}}
		}
		s = union(s, from)
	}
	p.at++
	if s == nil {
		return nil, fmt.Errorf("[] holds nothing")
	}
	if negate {
		s = negated(s)
	}
	return s, nil
}

func (p *patternParser) member() (set, error) {
	c := p.peek()
	p.at++
	switch c {
	case -1:
		return nil, fmt.Errorf("[ is not closed")
	case '[':
		return nil, fmt.Errorf("unexpected [")
	case '\\':
		return p.escape()
	}
	return one(c), nil
}
