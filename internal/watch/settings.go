package watch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"syscall"
	"time"

	"gopkg.in/yaml.v3"

	"ksefworker/internal/intake"
)

// settingsName is the name of the file that says how the invoices in its folder, and in the folders
// below, are handed in. For an invoice only the nearest such file counts.
const settingsName = ".ksef.yaml"

// setting is a .ksef.yaml as it is read.
type setting struct {
	raw    []byte // the file; nil when there is none
	wanted intake.Wanted
	named  bool  // the name of a file is the ref of its invoice
	err    error // why the file cannot be used; the invoices wait meanwhile
}

type settingsFile struct {
	Tenant   string `yaml:"tenant"`
	Lane     string `yaml:"lane"`
	Offline  bool   `yaml:"offline"`
	Deadline string `yaml:"deadline"`
	Ref      string `yaml:"ref"`
}

// of returns the settings of a folder. It reads each file once in a pass.
func (se *settings) of(dir string) *setting {
	if s := se.rules[dir]; s != nil {
		return s
	}
	s := se.read(path.Join(dir, settingsName))
	if s == nil {
		s = &setting{}
		if dir != "." {
			s = se.of(path.Dir(dir))
		}
	}
	se.rules[dir] = s
	return s
}

// read returns the settings in a file, or nil when there is no such file. It also returns nil if a
// folder in the path is in truth an archive, which is a file. The invoices of an archive are in
// taken/ in a folder that has the archive's name, and another archive of that name may have come
// since.
func (se *settings) read(name string) *setting {
	const maxSize = 64 << 10
	raw, _, err := se.disk.read(name, maxSize)
	if err != nil {
		if err = se.unread(name, err); err == nil {
			return nil
		}
	}
	var f settingsFile
	if err == nil && len(raw) > maxSize {
		err = fmt.Errorf("it is too large: %d bytes are the most", maxSize)
	}
	if err == nil {
		d := yaml.NewDecoder(bytes.NewReader(raw))
		d.KnownFields(true)
		if err = plain(d.Decode(&f)); err == nil && d.Decode(new(yaml.Node)) != io.EOF {
			err = errors.New("it has more than one document (---)")
		} else if err == io.EOF {
			err = nil
		}
	}
	if err == nil && f.Ref != "" && f.Ref != "name" {
		err = fmt.Errorf("ref: %q is not known: say name, or leave it out", f.Ref)
	}
	s := &setting{raw: raw, named: f.Ref == "name", err: err,
		wanted: intake.Wanted{Tenant: intake.TenantOf(se.o.Tenants, f.Tenant), Lane: f.Lane, Offline: f.Offline, Deadline: f.Deadline}}
	if err == nil {
		_, s.err = s.terms(se.o.Now(), se.o.Tenants)
	}
	if s.err != nil {
		s.err = fmt.Errorf("%s cannot be used: %s", name, intake.OneLine(s.err))
	}
	return s
}

// unread returns why a file of settings cannot be read, in words for the person who put it there;
// nil when there is no such file. A link that leads nowhere is a mistake, not a missing file.
func (se *settings) unread(name string, err error) error {
	info, unseen := se.disk.root.Lstat(name)
	switch {
	case unseen == nil && info.Mode()&fs.ModeSymlink != 0:
		return errors.New("it is a link that leads out of the watched folder, or nowhere: put the file itself here")
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nil
	case errors.Is(err, errNotAFile):
		return errors.New("it is not a file: put a file with the settings here, or remove it")
	}
	return errors.New(fault(err))
}

var (
	unknownKey = regexp.MustCompile(`(?s).*field (\S+) not found in type.*`)
	wrongKind  = regexp.MustCompile(`(?s).*line (\d+): cannot unmarshal.*`)
	twice      = regexp.MustCompile(`(?s).*mapping key "(.*)" already defined.*`)
)

// plain returns an error that says what is wrong with the file to somebody who does not know how it
// is read.
func plain(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if m := unknownKey.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf("the setting %s is not known: the file may have tenant, lane, offline, deadline and ref", m[1])
	}
	if m := wrongKind.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf("line %s has a value of the wrong kind: tenant, lane, deadline and ref are texts, offline is true or false", m[1])
	}
	if m := twice.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf("the setting %s is given twice", m[1])
	}
	// The messages of the YAML reader are in English only, and often name no line, or a wrong one.
	return errors.New("it is not YAML: write each setting on a line of its own, such as lane: bulk, in UTF-8 and without tabs")
}

// terms returns the terms that follow from the settings at a point in time.
func (s *setting) terms(now time.Time, tenants []intake.Account) (intake.Terms, error) {
	return s.wanted.Terms(now, tenants)
}

// ref returns the ref of a file. given is the name that the other program gave the file.
func (s *setting) ref(given string) string {
	if !s.named {
		return ""
	}
	base := path.Base(given)
	return strings.TrimSuffix(base, path.Ext(base))
}
