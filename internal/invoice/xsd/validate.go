package xsd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/lestrrat-go/helium"
	"github.com/lestrrat-go/helium/xsd"

	"ksefworker/internal/invoice"
)

// maxFaults is the maximum number of faults reported for one document. Further faults are mostly
// consequences of the first ones.
const maxFaults = 20

// Validate checks one document against the schema of its root's namespace. data should have passed
// invoice.Parse, which finds malformed XML faster, but any bytes are safe. The error is an
// *invoice.FieldError, or several joined. If the schema library fails without naming a fault, the
// error is of another type. A document whose form was not loaded is refused. For a breach of the
// schema, the fields of the error are:
//   - Field: the element, or ELEMENT/@ATTRIBUTE
//   - Rule: always the same text
//   - Hint: the message of the schema library
//   - Line: the line of the element
//   - Column: 0, because it is unknown
//
// A document of 8 KB takes about a millisecond, and its tree takes some hundred kilobytes of
// memory.
func (v *Validator) Validate(data []byte) error {
	ctx := context.Background()
	doc, err := helium.NewParser().Parse(ctx, data)
	if err != nil {
		return &invoice.FieldError{Field: invoice.DocumentField, Rule: "must be well-formed XML", Hint: err.Error()}
	}
	root := doc.DocumentElement()
	if root == nil {
		return &invoice.FieldError{Field: invoice.DocumentField, Rule: "must have a root element"}
	}
	schema := v.schemas[root.URI()]
	if schema == nil {
		return &invoice.FieldError{Field: root.LocalName(), Rule: "must be of a form whose schema is loaded",
			Value: root.URI(), Line: 1}
	}
	var faults collector
	if err := xsd.NewValidator(schema).Label("invoice").ErrorHandler(&faults).Validate(ctx, doc); err == nil {
		return nil
	} else if len(faults.errs) == 0 {
		return fmt.Errorf("validate against the schema: %w", err)
	}
	return faults.fields(data)
}

// collector keeps the errors that the library reports, up to maxFaults.
type collector struct {
	mu   sync.Mutex
	errs []error
}

// Handle implements helium.ErrorHandler.
func (c *collector) Handle(_ context.Context, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.errs) < maxFaults {
		c.errs = append(c.errs, err)
	}
}

func (c *collector) join() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return errors.Join(c.errs...)
}

func (c *collector) fields(data []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]error, 0, len(c.errs))
	for _, err := range c.errs {
		var fault *xsd.ValidationError
		if !errors.As(err, &fault) {
			all = append(all, &invoice.FieldError{Field: invoice.DocumentField, Rule: tidy(err.Error())})
			continue
		}
		field := local(fault.Element)
		if fault.AttributeName != "" {
			field += "/@" + local(fault.AttributeName)
		}
		all = append(all, &invoice.FieldError{Field: field, Rule: "must conform to the schema", Hint: tidy(fault.Message),
			Line: fault.Line, Offset: lineOffset(data, fault.Line)})
	}
	if len(all) == 1 {
		return all[0]
	}
	return errors.Join(all...)
}

// local removes the namespace from {namespace}name.
func local(name string) string { return name[strings.LastIndexByte(name, '}')+1:] }

// maxMessage is the maximum length of a message in characters. A message that quotes a long value
// must not carry an invoice into the log.
const maxMessage = 200

// tidy shortens a message of the library. It removes the namespaces, which are repeated and say
// nothing, and cuts the message to maxMessage characters.
func tidy(message string) string {
	for {
		from := strings.Index(message, "{http")
		if from < 0 {
			break
		}
		to := strings.IndexByte(message[from:], '}')
		if to < 0 {
			break
		}
		message = message[:from] + message[from+to+1:]
	}
	message = strings.TrimSpace(message)
	if runes := []rune(message); len(runes) > maxMessage {
		return string(runes[:maxMessage-1]) + "…"
	}
	return message
}

// lineOffset returns the offset of the first byte of a line.
func lineOffset(data []byte, line int) int64 {
	at := 0
	for ; line > 1; line-- {
		n := bytes.IndexByte(data[at:], '\n')
		if n < 0 {
			break
		}
		at += n + 1
	}
	return int64(at)
}
