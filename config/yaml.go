package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

var (
	unknownKey = regexp.MustCompile(`^line (\d+): field (.*) not found in type `)
	twiceKey   = regexp.MustCompile(`^line (\d+): mapping key "(.*)" already defined at line (\d+)`)
	wrongType  = regexp.MustCompile("^line (\\d+): cannot unmarshal (\\S+)(?: `(.*)`)? into (\\S+)$")
	otherFault = regexp.MustCompile(`^line (\d+): (.*)$`)
)

// readYAML applies the file to c and adds the faults that the decoder finds to f. It returns an
// error when the file is not YAML or has more than one document.
func (c *Config) readYAML(data []byte, f *faults) error {
	var tree yaml.Node
	if err := yaml.Unmarshal(data, &tree); err != nil {
		return err
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	err := dec.Decode(c)
	if errors.Is(err, io.EOF) {
		return nil
	}
	keys := keysOf(&tree)
	var typed *yaml.TypeError
	if errors.As(err, &typed) {
		for _, text := range typed.Errors {
			f.all = append(f.all, explain(text, keys))
		}
	} else if err != nil {
		return err
	}
	if dec.Decode(new(yaml.Node)) != io.EOF {
		return errors.New("contains more than one document (a line of ---); only one is allowed")
	}
	for _, k := range keys {
		// yaml.v3 reads a plain 120 as 120 nanoseconds, which nobody means.
		if k.isDuration() && k.value.Kind == yaml.ScalarNode && k.value.Tag == "!!int" && k.value.Value != "0" {
			f.add(k.path, k.value.Value,
				fmt.Errorf("(line %d) has no unit: write %ss or %sm, for example", k.value.Line, k.value.Value, k.value.Value))
		}
	}
	if u, err := url.Parse(c.Redis.URL); err == nil && u.User != nil {
		if _, has := u.User.Password(); has {
			f.add("redis.url", redactURL(c.Redis.URL), errors.New("contains a password, which must not be in the file: "+
				"use redis.password_file, or REDIS_URL in the environment"))
		}
	}
	return nil
}

// explain turns a message of the decoder, which names Go types, into a fault that names the key. It
// shows a value only when something other than a text was expected there. It then shows at most ten
// characters of the value, or twenty when a size was expected.
func explain(text string, keys []yamlKey) *FieldError {
	if m := unknownKey.FindStringSubmatch(text); m != nil {
		k := findKey(keys, m[1], func(k yamlKey) bool { return k.name == m[2] })
		return &FieldError{Field: k.field(m[1]), Err: fmt.Errorf("line %s: there is no key %q here%s", m[1], m[2], k.hint())}
	}
	if m := twiceKey.FindStringSubmatch(text); m != nil {
		return &FieldError{Field: "line " + m[1], Err: fmt.Errorf("key %q is already set in line %s", m[2], m[3])}
	}
	if m := wrongType.FindStringSubmatch(text); m != nil {
		k := findKey(keys, m[1], func(k yamlKey) bool {
			return k.value.Line == lineNumber(m[1]) && k.value.Kind != yaml.ScalarNode == (m[3] == "") &&
				strings.HasPrefix(k.value.Value, strings.TrimSuffix(m[3], "..."))
		})
		return &FieldError{Field: k.field(m[1]), Value: m[3], Err: fmt.Errorf("(line %s) is not %s", m[1], wanted(m[4]))}
	}
	if m := otherFault.FindStringSubmatch(text); m != nil {
		k := findKey(keys, m[1], func(k yamlKey) bool { return k.isSize() && strings.Contains(m[2], "`"+k.value.Value+"`") })
		return &FieldError{Field: k.field(m[1]), Err: fmt.Errorf("line %s: %s", m[1], m[2])}
	}
	return &FieldError{Field: "file", Err: errors.New(text)}
}

func lineNumber(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}

// wanted describes a Go type in words for an operator.
func wanted(goType string) string {
	switch goType {
	case "int":
		return "a whole number"
	case "float64":
		return "a number"
	case "bool":
		return "true or false"
	case "string", "config.Environment", "config.Transport":
		return "a plain text value"
	case "time.Duration":
		return "a duration such as 500ms, 30s, 2m or 11h"
	}
	if strings.HasPrefix(goType, "[]") {
		return "a list"
	}
	return "a block of keys"
}
