package simulator

import (
	"net/url"
	"strings"
)

// Route is where an operation is found: a method and the segments of its path, "*" for any value.
type Route struct {
	Method string
	Path   []string
}

// FindRoute returns the operation of a request, and the values in the path of the request. op is
// the zero value when no operation matches. pathKnown reports whether the path has an operation for
// any method.
func FindRoute[O any](all []O, route func(O) Route, method, escapedPath string) (op O, values []string, pathKnown bool) {
	parts := segments(escapedPath)
	for _, candidate := range all {
		r := route(candidate)
		got, ok := match(r.Path, parts)
		if !ok {
			continue
		}
		pathKnown = true
		if r.Method == method {
			return candidate, got, true
		}
	}
	return op, nil, pathKnown
}

func segments(path string) []string { return strings.Split(strings.TrimPrefix(path, "/"), "/") }

func match(pattern, parts []string) (values []string, ok bool) {
	if len(pattern) != len(parts) {
		return nil, false
	}
	for i, want := range pattern {
		if want != "*" {
			if want != parts[i] {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(parts[i])
		if err != nil || value == "" {
			return nil, false
		}
		values = append(values, value)
	}
	return values, true
}
