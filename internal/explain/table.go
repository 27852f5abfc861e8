package explain

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

//go:embed words/*.yaml
var files embed.FS

// load reads the table once. The files are part of the program and a test reads them all, so an
// error here is a defect of this build.
var load = sync.OnceValue(func() []Entry {
	all, err := read()
	if err != nil {
		panic(err)
	}
	return all
})

// All returns every entry, by space and in the order of its file. The result is a copy.
func All() []Entry { return slices.Clone(load()) }

func read() ([]Entry, error) {
	var all []Entry
	var faults []error
	for _, space := range Spaces() {
		name := "words/" + string(space) + ".yaml"
		raw, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read words: %w", err)
		}
		var file struct {
			Space   Space   `yaml:"space"`
			Entries []Entry `yaml:"entries"`
		}
		d := yaml.NewDecoder(bytes.NewReader(raw))
		d.KnownFields(true)
		if err := d.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		if file.Space != space {
			faults = append(faults, fmt.Errorf("%s: space is %q", name, file.Space))
		}
		for i := range file.Entries {
			file.Entries[i].Space = space
		}
		all = append(all, file.Entries...)
	}
	return all, errors.Join(faults...)
}

// Of returns the entry of a code in a space. An HTTP status without an entry of its own has the
// entry of its class, 4xx or 5xx. false means that the code is not in the table.
func Of(space Space, code string) (Entry, bool) {
	class := ""
	if space == HTTP && len(code) == 3 {
		class = code[:1] + "xx"
	}
	var found Entry
	for _, e := range load() {
		switch {
		case e.Space != space:
		case e.Code == code:
			return e, true
		case e.Code == class:
			found = e
		}
	}
	return found, found.Code != ""
}

// Find returns what a person may mean by a code, the most common meaning first. A code is, for
// example, "450", "21405", "missing-permissions", or with its space "batch/415". Case does not
// matter. Find returns nil for an unknown code.
func Find(code string) []Entry {
	code = strings.ToLower(strings.TrimSpace(code))
	if space, rest, ok := strings.Cut(code, "/"); ok {
		if e, ok := Of(Space(space), rest); ok {
			return []Entry{e}
		}
		return nil
	}
	var found []Entry
	for _, e := range load() {
		if strings.EqualFold(e.Code, code) {
			found = append(found, e)
		}
	}
	if len(found) == 0 && len(code) == 3 && strings.ContainsAny(code[:1], "45") {
		if e, ok := Of(HTTP, code); ok && e.Code != code && isDigits(code) {
			return []Entry{e}
		}
	}
	return found
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
