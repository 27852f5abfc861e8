package intake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"ksefworker/internal/invoice"
)

// maxScalars bounds how many faults are reported of one invoice.
const maxScalars = 20

// checkScalars checks an invoice that is JSON. It refuses values that are not what the sender
// means. No element of an invoice is true or false, so the value true would become the text "true".
// A number in an element that holds text, such as P_2 or NrRB, may have lost the zeros that it
// began with or, when it is long, its last digits. Numbers in other elements are taken, because the
// schema checks them in the XML that is made. faktura is one JSON object.
func checkScalars(faktura []byte) error {
	d := json.NewDecoder(bytes.NewReader(faktura))
	d.UseNumber()
	s := &scalars{d: d}
	s.value("", "")
	return errors.Join(s.faults...)
}

type scalars struct {
	d      *json.Decoder
	faults []error
}

// value reads one value. path leads to the element that has it, and name is the name of that
// element.
func (s *scalars) value(path, name string) {
	token, err := s.d.Token()
	if err != nil {
		return // it is not JSON: the caller has reported that
	}
	switch v := token.(type) {
	case json.Delim:
		if v == '{' {
			s.object(path, name)
		} else {
			s.list(path, name)
		}
		_, _ = s.d.Token() // the end
	case bool:
		s.fault(path, fmt.Sprint(v), `write what the schema has there, in quotation marks: "1" or "2" where it asks for yes or no`)
	case json.Number:
		if invoice.LosesDigits(name) {
			s.fault(path, v.String(), "write it in quotation marks: a number loses the zeros that it begins with, and a long one its last digits")
		}
	}
}

func (s *scalars) object(path, name string) {
	for s.d.More() {
		token, err := s.d.Token()
		if err != nil {
			return
		}
		switch child, _ := token.(string); child {
		case "#text":
			s.value(path, name)
		default:
			s.value(strings.TrimPrefix(path+"/"+child, "/"), child)
		}
	}
}

func (s *scalars) list(path, name string) {
	for i := 1; s.d.More(); i++ {
		s.value(fmt.Sprintf("%s[%d]", path, i), name)
	}
}

func (s *scalars) fault(path, value, hint string) {
	if len(s.faults) < maxScalars {
		s.faults = append(s.faults, &invoice.FieldError{Field: path, Rule: "must be a JSON string", Value: value, Hint: hint})
	}
}
