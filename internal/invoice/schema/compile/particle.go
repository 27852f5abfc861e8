package compile

import (
	"strconv"

	"ksefworker/internal/invoice/schema"
)

// kind is the kind of a particle.
type kind int

const (
	single kind = iota // one element
	sequence
	choice
	all
)

// particle is a part of a content model.
type particle struct {
	kind        kind
	child       schema.Child // of single
	least, most int          // occurrences; most is unbounded for no limit
	parts       []*particle
	at          *element
}

const unbounded = -1

func (c *compiler) particle(e *element) (*particle, error) {
	p := &particle{at: e}
	var err error
	if p.least, p.most, err = occurs(e); err != nil {
		return nil, err
	}
	switch e.name {
	case "element":
		p.kind = single
		p.child, err = c.child(e)
		return p, err
	case "sequence":
		p.kind = sequence
	case "choice":
		p.kind = choice
	case "all":
		p.kind = all
	default:
		return nil, e.fail("is not supported")
	}
	if err := e.allow("minOccurs", "maxOccurs"); err != nil {
		return nil, err
	}
	for _, child := range e.children {
		part, err := c.particle(child)
		if err != nil {
			return nil, err
		}
		if p.kind == all && (part.kind != single || part.most > 1 || part.most == unbounded) {
			return nil, child.fail("is not supported in xsd:all")
		}
		if part.most != 0 {
			p.parts = append(p.parts, part)
		}
	}
	return p, nil
}

// occurs reads minOccurs and maxOccurs.
func occurs(e *element) (least, most int, err error) {
	least, most = 1, 1
	if text, given := e.attrs["minOccurs"]; given {
		if least, err = strconv.Atoi(text); err != nil || least < 0 {
			return 0, 0, e.fail("minOccurs is %q", text)
		}
	}
	switch text, given := e.attrs["maxOccurs"]; {
	case text == "unbounded":
		most = unbounded
	case given:
		if most, err = strconv.Atoi(text); err != nil || most < least {
			return 0, 0, e.fail("maxOccurs is %q", text)
		}
	}
	if most != unbounded && most < least {
		return 0, 0, e.fail("maxOccurs is less than minOccurs")
	}
	return least, most, nil
}
