package archive

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxNameLength      = 900 // bytes; S3 allows 1,024 including the prefix
	maxComponentLength = 240 // bytes; file systems allow 255
	bodiesPrefix       = "bodies/"
	resultSuffix       = ".json"
)

// NameError says why a name is refused. All methods of both back ends refuse the same names, so
// that an archive can move from a folder to a bucket. Names with a component that begins with a dot
// are reserved for the archive itself.
type NameError struct {
	Name, Reason string
}

func (e *NameError) Error() string { return fmt.Sprintf("bad archive name %q: %s", e.Name, e.Reason) }

func checkName(name string) error {
	bad := func(reason string) error { return &NameError{Name: name, Reason: reason} }
	switch {
	case name == "":
		return bad("empty")
	case len(name) > maxNameLength:
		return bad("longer than 900 bytes")
	case !utf8.ValidString(name):
		return bad("not UTF-8")
	case strings.HasPrefix(name, "/"):
		return bad("not relative")
	case strings.ContainsAny(name, `\:`):
		return bad("has a backslash or colon")
	}
	for _, r := range name {
		if unicode.IsControl(r) {
			return bad("has a control character")
		}
	}
	for component := range strings.SplitSeq(name, "/") {
		switch {
		case component == "":
			return bad("has an empty component")
		case strings.HasPrefix(component, "."):
			return bad(`has a component that begins with "."`)
		case len(component) > maxComponentLength:
			return bad("has a component longer than 240 bytes")
		}
	}
	return nil
}

func checkReplaceable(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if !strings.HasSuffix(name, resultSuffix) {
		return fmt.Errorf("replace %s: %w", name, ErrImmutable)
	}
	return nil
}

func checkRemovable(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if !strings.HasPrefix(name, bodiesPrefix) {
		return fmt.Errorf("remove %s: %w", name, ErrImmutable)
	}
	return nil
}
