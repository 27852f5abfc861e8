package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"
)

// Results says who is told what became of invoices (docs/results.md).
type Results struct {
	// Outbox is the approximate number of outcomes kept for receivers that are behind; 1000 to
	// 10,000,000. 0 means that no receiver is told. Ten thousand take about 2 MB of Redis. Load
	// warns when one package may have more outcomes than Outbox keeps.
	Outbox int `yaml:"outbox" env:"OUTBOX"`
	// Keep is how long outcomes are kept in the outbox; 1h to 720h. A receiver that was away for
	// longer misses the older ones.
	Keep time.Duration `yaml:"keep" env:"KEEP"`
	// Webhooks are called with each result; only the file can name them.
	Webhooks []Webhook       `yaml:"webhooks" env:"-"`
	Stream   ResultsStream   `yaml:"stream" envPrefix:"STREAM_"`
	Folder   ResultsFolder   `yaml:"folder" envPrefix:"FOLDER_"`
	Postgres ResultsPostgres `yaml:"postgres" envPrefix:"POSTGRES_"`
	// Streams, Folders and Databases are further receivers of these kinds, each with a name of its
	// own. Only the file can name them.
	Streams   []StreamReceiver   `yaml:"streams" env:"-"`
	Folders   []FolderReceiver   `yaml:"folders" env:"-"`
	Databases []DatabaseReceiver `yaml:"databases" env:"-"`
}

// Webhook is an HTTP receiver of results, as Standard Webhooks describes it.
type Webhook struct {
	// Name of the webhook in logs, metrics and on the command line, unique among all receivers. A
	// webhook with a new name is a new receiver.
	Name string `yaml:"name"`
	// URL that is called: https, or http where AllowPlain is set. It must not contain a login.
	URL string `yaml:"url"`
	// SecretFile is one or two files. Each has a secret in the form of Standard Webhooks, which is
	// whsec_ and Base64. With two files, every call is signed with both.
	SecretFile Files `yaml:"secret_file"`
	// Tenants whose results are sent, by name or NIP; empty means all.
	Tenants []string `yaml:"tenants"`
	// AllowPrivate allows addresses of this machine and of private networks.
	AllowPrivate bool `yaml:"allow_private"`
	// AllowPlain allows http, where everybody on the way can read the results.
	AllowPlain bool `yaml:"allow_plain"`
	// Timeout of one call, from dialling to the end of the answer; 1s to 60s, 0 means 15s.
	Timeout time.Duration `yaml:"timeout"`
}

// ResultsStream is the Redis stream <prefix>results.
type ResultsStream struct {
	// Enabled writes every result to the stream.
	Enabled bool `yaml:"enabled" env:"ENABLED"`
	// PlainText allows the stream together with storage.key_file, although its results are not
	// encrypted.
	PlainText bool `yaml:"plain_text" env:"PLAIN_TEXT"`
	// Tenants whose results are written, by name or NIP; empty means all.
	Tenants []string `yaml:"tenants" env:"TENANTS"`
	// Length is the approximate number of results that the stream keeps; 1000 to 10,000,000.
	Length int `yaml:"length" env:"LENGTH"`
	// Keep is how long the stream keeps a result; 1h to 720h.
	Keep time.Duration `yaml:"keep" env:"KEEP"`
}

// ResultsFolder is a folder of results as files.
type ResultsFolder struct {
	// Path of the folder, absolute; empty means none.
	Path string `yaml:"path" env:"PATH"`
	// By is invoice (one file for each, <id>.json) or day (one file of lines for each day).
	By string `yaml:"by" env:"BY"`
	// Tenants whose results are written, by name or NIP; empty means all.
	Tenants []string `yaml:"tenants" env:"TENANTS"`
}

// ResultsPostgres is a PostgreSQL database of results.
type ResultsPostgres struct {
	// URL is postgres://user@host:5432/database; empty means none. The file must not contain a
	// password.
	URL string `yaml:"url" env:"URL"`
	// PasswordFile holds the password; empty means none.
	PasswordFile string `yaml:"password_file" env:"PASSWORD_FILE"`
	// Schema is the schema of the tables, which the program makes.
	Schema string `yaml:"schema" env:"SCHEMA"`
	// Tenants whose results are written, by name or NIP; empty means all.
	Tenants []string `yaml:"tenants" env:"TENANTS"`
}

// The names of the receivers to which the configuration gives no name. They also name the kinds of
// these receivers.
const (
	StreamSink   = "stream"
	FolderSink   = "folder"
	PostgresSink = "postgres"
)

func defaultResults() Results {
	return Results{
		Outbox: 200_000, Keep: 7 * 24 * time.Hour,
		Stream:   ResultsStream{Length: 100_000, Keep: 7 * 24 * time.Hour},
		Folder:   ResultsFolder{By: "invoice"},
		Postgres: ResultsPostgres{Schema: "ksef"},
	}
}

// Sinks lists the names of all receivers that are configured.
func (r Results) Sinks() []string {
	var names []string
	for _, w := range r.Webhooks {
		names = append(names, w.Name)
	}
	for _, s := range r.AllStreams() {
		names = append(names, s.Name)
	}
	for _, f := range r.AllFolders() {
		names = append(names, f.Name)
	}
	for _, d := range r.AllDatabases() {
		names = append(names, d.Name)
	}
	return names
}

// Secrets reads the secrets of a webhook, the newest first, on each call, so that a rotated secret
// needs no restart. The error names the file and never contains a secret.
func (w Webhook) Secrets() ([]string, error) {
	var all []string
	for _, path := range w.SecretFile {
		s, err := readSecret("secret of webhook "+w.Name, path)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// Password reads the password of the database; "" when no file is set.
func (d DatabaseReceiver) Password() (string, error) {
	if d.PasswordFile == "" {
		return "", nil
	}
	return readSecret("password_file of receiver "+d.Name, d.PasswordFile)
}

func checkResults(c *Config, f *faults) {
	r := c.Results
	if r.Outbox != 0 {
		f.count("results.outbox", r.Outbox, 1000, 10_000_000)
		warnOfSmallOutbox(c)
	} else if len(r.Sinks()) > 0 {
		f.add("results.outbox", 0, errors.New("keeps nothing for the receivers that are configured: set it, or remove them"))
	}
	f.duration("results.keep", r.Keep, time.Hour, 720*time.Hour)
	names := map[string]bool{StreamSink: true, FolderSink: true, PostgresSink: true}
	for i, w := range r.Webhooks {
		checkWebhook(c, f, fmt.Sprintf("results.webhooks[%d].", i), w, names)
	}
	checkReceivers(c, f)
	checkMore(c, f, names)
}

// warnOfSmallOutbox warns when the outcomes of one package may not fit into the outbox. Most
// invoices have two, accepted and receipted. Outcomes that do not fit may leave the outbox before a
// receiver that is well has taken them.
func warnOfSmallOutbox(c *Config) {
	need := 2 * min(2*c.Packages.MaxInvoices, c.maxSessionInvoices()) // the largest package, while sessions are scarce
	if len(c.Results.Sinks()) == 0 || c.Results.Outbox >= need {
		return
	}
	c.Warnings = append(c.Warnings, fmt.Sprintf("results.outbox keeps %d outcomes, and one package may have %d, two of each invoice: "+
		"receivers that are well may miss some; set it to %d at least", c.Results.Outbox, need, need))
}

func checkWebhook(c *Config, f *faults, at string, w Webhook, names map[string]bool) {
	checkReceiverName(f, at+"name", w.Name, names)
	u, err := url.Parse(w.URL)
	switch {
	case w.URL == "":
		f.add(at+"url", "", errors.New("is missing: where results are sent"))
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		f.add(at+"url", "", errors.New("must be an address such as https://erp.example/ksef"))
	case u.User != nil:
		f.add(at+"url", "", errors.New("must not contain a login: the receiver checks the signature"))
	case u.Scheme == "http" && !w.AllowPlain:
		f.add(at+"url", "", errors.New("is not encrypted: use https, or set allow_plain where nobody can listen on the way"))
	}
	if len(w.SecretFile) == 0 || len(w.SecretFile) > 2 {
		f.add(at+"secret_file", "", errors.New("must name one file, or two while the secret is rotated; "+
			"make a secret with: echo whsec_$(openssl rand -base64 32)"))
	}
	if w.Timeout != 0 {
		f.duration(at+"timeout", w.Timeout, time.Second, time.Minute)
	}
	checkOwn(c, f, at+"tenants", w.Tenants)
}

func checkReceivers(c *Config, f *faults) {
	r := c.Results
	if r.Stream.Enabled && len(c.Storage.KeyFile) > 0 && !r.Stream.PlainText {
		f.add("results.stream.enabled", true, errors.New("would write results to Redis in clear text although storage.key_file is set: "+
			"set results.stream.plain_text too, if file names, refs and reasons may be stored there"))
	}
	f.count("results.stream.length", r.Stream.Length, 1000, 10_000_000)
	f.duration("results.stream.keep", r.Stream.Keep, time.Hour, 720*time.Hour)
	checkOwn(c, f, "results.stream.tenants", r.Stream.Tenants)
	checkFolder(c, f, "results.folder.", r.Folder)
	checkDatabase(c, f, "results.postgres.", r.Postgres)
}

func hasPassword(u *url.URL) bool {
	_, set := u.User.Password()
	return set || u.Query().Has("password")
}

// checkOwn refuses every name that does not stand for exactly one tenant.
func checkOwn(c *Config, f *faults, field string, names []string) {
	for i, name := range names {
		if len(c.TenantsNamed(name)) != 1 {
			f.add(fmt.Sprintf("%s[%d]", field, i), name,
				errors.New("is not one tenant of this configuration: write its name, or its NIP if no other has that"))
		}
	}
}

// Titles returns the names of tenants that are given by name or NIP; nil for none.
func (c Config) Titles(names []string) []string {
	var out []string
	for _, name := range names {
		for _, t := range c.TenantsNamed(name) {
			if !slices.Contains(out, t.Title()) {
				out = append(out, t.Title())
			}
		}
	}
	return out
}
