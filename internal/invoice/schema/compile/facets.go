package compile

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ksefworker/internal/invoice/schema"
)

// pointers matches memory addresses in a printed value. They are removed from the keys of types,
// because two equal bounds have different addresses.
var pointers = regexp.MustCompile(`0x[0-9a-f]+`)

// restriction makes a type from its base and its facets.
func (c *compiler) restriction(e *element) (schema.Value, error) {
	facets := e.children
	var base schema.Ref
	var err error
	switch {
	case e.attrs["base"] != "":
		base, err = c.typeNamed(e, e.attrs["base"])
	case len(facets) > 0 && facets[0].name == "simpleType":
		base, err = c.simple(facets[0], qname{})
		facets = facets[1:]
	default:
		err = e.fail("a base is needed")
	}
	if err == nil {
		err = e.allow("base")
	}
	if err != nil {
		return schema.Value{}, err
	}
	if !base.IsValue() {
		return schema.Value{}, e.fail("the base must be a simple type")
	}
	v := *c.table.ValueOf(base)
	v.Base = base
	if v.Kind == schema.Union && len(facets) > 0 {
		return v, e.fail("facets of a union are not supported")
	}
	v.Patterns = slices.Clone(v.Patterns)
	var enum, patterns []string
	for _, f := range facets {
		if len(f.children) > 0 {
			return v, f.fail("nothing is supported inside")
		}
		if err := f.allow("value", "fixed"); err != nil {
			return v, err
		}
		text := f.attrs["value"]
		switch f.name {
		case "enumeration":
			if text, err = enumerated(f, &v, text); err == nil {
				enum = append(enum, text)
			}
		case "pattern":
			patterns = append(patterns, text)
		case "whiteSpace":
			err = whiteSpace(f, &v, text)
		case "minInclusive", "minExclusive", "maxInclusive", "maxExclusive":
			err = bound(f, &v, text)
		default:
			err = count(f, &v, text)
		}
		if err != nil {
			return v, err
		}
	}
	if enum != nil {
		slices.Sort(enum)
		if v.Kind == schema.Integer {
			slices.SortStableFunc(enum, func(a, b string) int { return len(a) - len(b) })
		}
		v.Enum = slices.Compact(enum)
	}
	if len(patterns) > 0 {
		i, err := c.pattern(e, patterns)
		if err != nil {
			return v, err
		}
		if !slices.Contains(v.Patterns, i) {
			v.Patterns = append(v.Patterns, i)
		}
	}
	return v, nil
}

// enumerated returns an allowed value in the form in which it is compared.
func enumerated(f *element, v *schema.Value, text string) (string, error) {
	switch v.Kind {
	case schema.Text:
		if text != strings.Join(strings.Fields(text), " ") && v.Space != schema.Preserve {
			return "", f.fail("the value %q has white space that the type changes", text)
		}
		return text, nil
	case schema.Integer:
		n, ok := schema.NumberOf(strings.TrimSpace(text))
		if !ok || n.Fraction != "" {
			return "", f.fail("%q is not a whole number", text)
		}
		if n.Whole == "" {
			return "0", nil
		}
		if n.Negative {
			return "-" + n.Whole, nil
		}
		return n.Whole, nil
	}
	return "", f.fail("is not supported for this type")
}

func whiteSpace(f *element, v *schema.Value, text string) error {
	space, known := map[string]schema.Space{
		"preserve": schema.Preserve, "replace": schema.Replace, "collapse": schema.Collapse}[text]
	if !known || space < v.Space {
		return f.fail("%q is not possible here", text)
	}
	v.Space = space
	return nil
}

// bound sets a bound. It replaces the bound of the base, because a schema may only make bounds
// stricter.
func bound(f *element, v *schema.Value, text string) error {
	b := &schema.Bound{Text: text, Open: strings.HasSuffix(f.name, "Exclusive")}
	ok := false
	switch v.Kind {
	case schema.Decimal, schema.Integer:
		b.Number, ok = schema.NumberOf(text)
	case schema.Date, schema.DateTime:
		b.Moment, ok = schema.MomentOf(text, v.Kind == schema.DateTime)
	}
	if !ok {
		return f.fail("%q is not a bound of this type", text)
	}
	if strings.HasPrefix(f.name, "min") {
		v.Low = b
	} else {
		v.High = b
	}
	return nil
}

// count sets a number of characters or digits.
func count(f *element, v *schema.Value, text string) error {
	n, err := strconv.ParseInt(text, 10, 16)
	if err != nil || n < 1 && f.name != "minLength" {
		return f.fail("%q is not supported as a number of characters or digits", text)
	}
	value := int16(n)
	isText := v.Kind == schema.Text
	isNumber := v.Kind == schema.Decimal || v.Kind == schema.Integer
	switch {
	case f.name == "length" && isText:
		v.MinLength, v.MaxLength = value, value
	case f.name == "minLength" && isText:
		v.MinLength = value
	case f.name == "maxLength" && isText:
		v.MaxLength = value
	case f.name == "totalDigits" && isNumber:
		v.Total = value
	case f.name == "fractionDigits" && isNumber:
		v.Fraction = value
	default:
		return f.fail("is not supported for this type")
	}
	return nil
}
