package config

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// StreamReceiver is a further Redis stream, <prefix>results:<name>.
type StreamReceiver struct {
	// Name of the receiver; see [Webhook.Name].
	Name string `yaml:"name"`
	// PlainText, Tenants, Length and Keep are as in [ResultsStream]. Length 0 and Keep 0 mean the
	// defaults of ResultsStream.
	PlainText bool          `yaml:"plain_text"`
	Tenants   []string      `yaml:"tenants"`
	Length    int           `yaml:"length"`
	Keep      time.Duration `yaml:"keep"`
}

// FolderReceiver is a further folder of results.
type FolderReceiver struct {
	// Name of the receiver; see [Webhook.Name].
	Name string `yaml:"name"`
	// Path, By and Tenants are as in [ResultsFolder]. By "" means invoice.
	Path    string   `yaml:"path"`
	By      string   `yaml:"by"`
	Tenants []string `yaml:"tenants"`
}

// DatabaseReceiver is a further PostgreSQL database of results, or a further schema in one.
type DatabaseReceiver struct {
	// Name of the receiver; see [Webhook.Name].
	Name string `yaml:"name"`
	// URL, PasswordFile, Schema and Tenants are as in [ResultsPostgres]. Schema "" means ksef.
	URL          string   `yaml:"url"`
	PasswordFile string   `yaml:"password_file"`
	Schema       string   `yaml:"schema"`
	Tenants      []string `yaml:"tenants"`
}

// Setting returns the name of the setting that has the receiver, such as results.folders[0].
func (r Results) Setting(name string) string {
	switch name {
	case StreamSink, FolderSink, PostgresSink:
		return "results." + name
	}
	for i, s := range r.Streams {
		if s.Name == name {
			return fmt.Sprintf("results.streams[%d]", i)
		}
	}
	for i, f := range r.Folders {
		if f.Name == name {
			return fmt.Sprintf("results.folders[%d]", i)
		}
	}
	for i, d := range r.Databases {
		if d.Name == name {
			return fmt.Sprintf("results.databases[%d]", i)
		}
	}
	return "results.webhooks"
}

// AllStreams lists the streams that are configured, with their defaults.
func (r Results) AllStreams() []StreamReceiver {
	var all []StreamReceiver
	if s := r.Stream; s.Enabled {
		all = append(all, StreamReceiver{StreamSink, s.PlainText, s.Tenants, s.Length, s.Keep})
	}
	for _, s := range r.Streams {
		if s.Length == 0 {
			s.Length = defaultResults().Stream.Length
		}
		if s.Keep == 0 {
			s.Keep = defaultResults().Stream.Keep
		}
		all = append(all, s)
	}
	return all
}

// Key returns the key of the stream in Redis, without redis.prefix.
func (s StreamReceiver) Key() string {
	if s.Name == StreamSink {
		return "results"
	}
	return "results:" + s.Name
}

// AllFolders lists the folders that are configured, with their defaults.
func (r Results) AllFolders() []FolderReceiver {
	var all []FolderReceiver
	if f := r.Folder; f.Path != "" {
		all = append(all, FolderReceiver{FolderSink, f.Path, f.By, f.Tenants})
	}
	for _, f := range r.Folders {
		if f.By == "" {
			f.By = defaultResults().Folder.By
		}
		all = append(all, f)
	}
	return all
}

// AllDatabases lists the databases that are configured, with their defaults.
func (r Results) AllDatabases() []DatabaseReceiver {
	var all []DatabaseReceiver
	if p := r.Postgres; p.URL != "" {
		all = append(all, DatabaseReceiver{PostgresSink, p.URL, p.PasswordFile, p.Schema, p.Tenants})
	}
	for _, d := range r.Databases {
		if d.Schema == "" {
			d.Schema = defaultResults().Postgres.Schema
		}
		all = append(all, d)
	}
	return all
}

// checkMore checks the lists of further receivers. names has the names that are taken.
func checkMore(c *Config, f *faults, names map[string]bool) {
	r := c.Results
	for i, s := range r.Streams {
		at := fmt.Sprintf("results.streams[%d].", i)
		checkReceiverName(f, at+"name", s.Name, names)
		if len(c.Storage.KeyFile) > 0 && !s.PlainText {
			f.add(at+"plain_text", false, errClearText)
		}
		if s.Length != 0 {
			f.count(at+"length", s.Length, 1000, 10_000_000)
		}
		if s.Keep != 0 {
			f.duration(at+"keep", s.Keep, time.Hour, 720*time.Hour)
		}
		checkOwn(c, f, at+"tenants", s.Tenants)
	}
	owner := map[string]string{} // path → the setting that has it
	if r.Folder.Path != "" {
		owner[filepath.Clean(r.Folder.Path)] = "results.folder.path"
	}
	for i, folder := range r.Folders {
		at := fmt.Sprintf("results.folders[%d].", i)
		checkReceiverName(f, at+"name", folder.Name, names)
		switch path := filepath.Clean(folder.Path); {
		case folder.Path == "":
			f.add(at+"path", "", errors.New("is missing: where results are written"))
		case owner[path] != "":
			f.add(at+"path", folder.Path, sharedFolder(owner[path], path))
		default:
			owner[path] = at + "path"
		}
		if folder.By == "" {
			folder.By = "invoice"
		}
		checkFolder(c, f, at, ResultsFolder{folder.Path, folder.By, folder.Tenants})
	}
	for i, d := range r.Databases {
		at := fmt.Sprintf("results.databases[%d].", i)
		checkReceiverName(f, at+"name", d.Name, names)
		if d.URL == "" {
			f.add(at+"url", "", errors.New("is missing: where results are written"))
		}
		if d.Schema == "" {
			d.Schema = defaultResults().Postgres.Schema
		}
		checkDatabase(c, f, at, ResultsPostgres{d.URL, d.PasswordFile, d.Schema, d.Tenants})
	}
}

// sharedFolder returns the error for a folder that another setting has too. path is the folder as
// that setting has it.
func sharedFolder(setting, path string) error {
	return fmt.Errorf("is the same folder as %s (%s): each receiver needs its own", setting, path)
}

var errClearText = errors.New("would write results to Redis in clear text although storage.key_file is set: " +
	"set plain_text too, if file names, refs and reasons may be stored there")

func checkReceiverName(f *faults, at, name string, names map[string]bool) {
	switch {
	case name == "" || len(name) > 32 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "":
		f.add(at, name, errors.New("must have 1 to 32 of a-z, 0-9, '-' and '_'"))
	case names[name]:
		f.add(at, name, errors.New("is already the name of another receiver: each needs its own"))
	}
	names[name] = true
}

func checkFolder(c *Config, f *faults, at string, r ResultsFolder) {
	if r.Path != "" && !filepath.IsAbs(r.Path) {
		f.add(at+"path", r.Path, errors.New("must be absolute"))
	}
	if r.By != "invoice" && r.By != "day" {
		f.add(at+"by", r.By, errors.New("must be invoice or day"))
	}
	checkOwn(c, f, at+"tenants", r.Tenants)
}

func checkDatabase(c *Config, f *faults, at string, r ResultsPostgres) {
	if r.URL != "" {
		u, err := url.Parse(r.URL)
		switch {
		case err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql":
			f.add(at+"url", "", errors.New("must be postgres://user@host:5432/database"))
		case hasPassword(u):
			f.add(at+"url", "", errors.New("must not contain a password: use password_file"))
		}
	}
	if s := r.Schema; s == "" || len(s) > 63 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || s[0] <= '9' {
		f.add(at+"schema", s, errors.New("must have 1 to 63 of a-z, 0-9 and '_', and begin with a letter"))
	}
	checkOwn(c, f, at+"tenants", r.Tenants)
}
