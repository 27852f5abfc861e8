// Package strictjson reads JSON bodies as strictly as a suspicious server might. Names must be
// exactly as in the contract, each may appear once, and required ones must be present. Both faces
// of the simulator use this package. It shares no code with the clients.
package strictjson

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"
)

// Decode reads one JSON object. encoding/json alone accepts too much: names in any case, repeated
// names, missing fields. Here every name must be exactly as in the contract, and may appear only
// once. A field without omitempty must be present, with a value other than null.
func Decode(raw []byte, into any) error {
	if !utf8.Valid(raw) {
		return errors.New("the body is not UTF-8")
	}
	if err := checkShape(raw, reflect.TypeOf(into).Elem(), "body"); err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	return nil
}

// checkShape compares raw with the fields of t. place is where raw is in the body, for messages.
func checkShape(raw []byte, t reflect.Type, place string) error {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[json.RawMessage]() || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		return checkObject(raw, t, place)
	case reflect.Slice:
		var items []json.RawMessage
		if err := json.Unmarshal(raw, &items); err != nil {
			return fmt.Errorf("%s is not a list", place)
		}
		for i, item := range items {
			if err := checkShape(item, t.Elem(), fmt.Sprintf("%s[%d]", place, i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkObject(raw []byte, t reflect.Type, place string) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return fmt.Errorf("%s is not a JSON object", place)
	}
	fields := map[string]reflect.StructField{}
	missing := map[string]bool{}
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		fields[name] = t.Field(i)
		missing[name] = options != "omitempty"
	}
	seen := map[string]bool{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return fmt.Errorf("%s is not valid JSON", place)
		}
		name, _ := key.(string)
		field, known := fields[name]
		if !known {
			return fmt.Errorf("%s has the unknown field %q", place, name)
		}
		if seen[name] {
			return fmt.Errorf("%s has the field %q twice", place, name)
		}
		seen[name] = true
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return fmt.Errorf("%s.%s is not valid JSON", place, name)
		}
		if string(value) == "null" {
			continue
		}
		missing[name] = false
		if err := checkShape(value, field.Type, place+"."+name); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("%s is not valid JSON", place)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s is followed by more data", place)
	}
	for i := range t.NumField() { // in a fixed order, so that the message is always the same
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if missing[name] {
			return fmt.Errorf("%s lacks the required field %q", place, name)
		}
	}
	return nil
}

// Octets are bytes that are Base64 in JSON: the standard alphabet, padded, no line breaks.
type Octets []byte

func (o *Octets) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return errors.New("not a string with Base64")
	}
	if strings.ContainsAny(text, "\r\n") {
		return errors.New("Base64 with line breaks")
	}
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return errors.New("not Base64 of the standard alphabet with padding")
	}
	*o = data
	return nil
}

// Timestamp is an RFC 3339 date and time.
type Timestamp struct{ time.Time }

func (m *Timestamp) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return errors.New("not a string with a date")
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return errors.New("not an RFC 3339 date")
	}
	m.Time = t
	return nil
}
