package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Intake is for enqueue serve, by which other programs hand invoices in over the network.
type Intake struct {
	HTTP IntakeHTTP `yaml:"http" envPrefix:"HTTP_"`
	// Clients are the programs that may call; only the file can name them. Without a client, nobody
	// may call.
	Clients []IntakeClient `yaml:"clients" env:"-"`
}

// IntakeHTTP is the listener of enqueue serve and its limits.
type IntakeHTTP struct {
	// Addr is host:port; empty means that enqueue serve refuses to start. An address that other
	// machines can reach needs TLS, or AllowPlain.
	Addr string  `yaml:"addr" env:"ADDR"`
	TLS  HTTPTLS `yaml:"tls" envPrefix:"TLS_"`
	// AllowPlain allows plain HTTP on an address that other machines can reach. It is for a
	// listener behind a proxy that encrypts.
	AllowPlain bool `yaml:"allow_plain" env:"ALLOW_PLAIN"`
	// MaxBody is the maximum size of the body of one call; 100kB to 2GB. A body of more than 256
	// KiB is kept on disk, in TempDir, while it is read.
	MaxBody Size `yaml:"max_body" env:"MAX_BODY"`
	// MaxDocuments is the maximum number of documents in one call; 1 to 100,000.
	MaxDocuments int `yaml:"max_documents" env:"MAX_DOCUMENTS"`
	// RequestsPerSecond is how many calls one client may make in a second on average; 1 to 100,000.
	// Twice as many may come at once. Each process counts for itself.
	RequestsPerSecond int `yaml:"requests_per_second" env:"REQUESTS_PER_SECOND"`
	// Parallel is how many calls of one client are served at the same time; 1 to 1000.
	Parallel int `yaml:"parallel" env:"PARALLEL"`
	// TempDir holds large bodies while they are read; empty means the system's folder.
	TempDir string `yaml:"temp_dir" env:"TEMP_DIR"`
}

// IntakeClient is one program that may hand invoices in.
type IntakeClient struct {
	// Name of the client in logs. When the client retries or dismisses, the name is recorded as who
	// decided.
	Name string `yaml:"name"`
	// KeyFile holds the client's bearer keys, one a line. A line is the key itself, or sha256: and
	// the key's hash in hex. Two lines let a key be replaced without a gap. A replaced file needs
	// no restart.
	KeyFile string `yaml:"key_file"`
	// Tenants are the tenants whose invoices the client may hand in and see, by name or NIP.
	Tenants []string `yaml:"tenants"`
}

func defaultIntake() Intake {
	return Intake{HTTP: IntakeHTTP{Addr: "127.0.0.1:8090", MaxBody: 64 * MB, MaxDocuments: 10_000, RequestsPerSecond: 500, Parallel: 64}}
}

// Keys reads the file of a client's keys. It returns each of them as the key itself, or as
// "sha256:" and the 64 hex digits of its hash. A line that begins with "# " is a comment. If some
// lines cannot be used, or there is no key, Keys returns the keys of the other lines and an error.
// If the file cannot be read, the keys are nil. The error names the file and never contains a key.
func (c IntakeClient) Keys() ([]string, error) {
	what := "keys of intake client " + c.Name
	raw, err := readSecretFile(what, c.KeyFile)
	if err != nil {
		return nil, err
	}
	const most = 10
	keys, fault := []string{}, error(nil)
	for line := range strings.Lines(strings.TrimPrefix(string(raw), "\xef\xbb\xbf")) {
		line = strings.TrimSpace(line)
		if line == "" || line == "#" || strings.HasPrefix(line, "# ") {
			continue
		}
		key, err := keyIn(line)
		if err == nil && len(keys) == most {
			err = fmt.Errorf("too many keys: at most %d are allowed", most)
		}
		if err == nil {
			keys = append(keys, key)
		} else if fault == nil {
			fault = fmt.Errorf("read %s: file %s has %w", what, c.KeyFile, err)
		}
	}
	if len(keys) == 0 && fault == nil {
		fault = fmt.Errorf("read %s: file %s has no key; make one with: openssl rand -hex 32", what, c.KeyFile)
	}
	return keys, fault
}

// keyIn returns the key of a line. The text of the error goes after "the file has".
func keyIn(line string) (string, error) {
	const shortest = 24
	hash, hashed := strings.CutPrefix(line, "sha256:")
	switch {
	case hashed && (len(hash) != 64 || strings.Trim(strings.ToLower(hash), "0123456789abcdef") != ""):
		return "", errors.New("a line that begins with sha256: but has no 64 hex digits after it")
	case hashed:
		return "sha256:" + strings.ToLower(hash), nil
	case len(line) < shortest:
		return "", fmt.Errorf("a key of less than %d characters; make one with: openssl rand -hex 32", shortest)
	case strings.ContainsFunc(line, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", errors.New("a key with a blank or a character outside ASCII; make one with: openssl rand -hex 32")
	}
	return line, nil
}

func checkIntake(c *Config, f *faults) {
	h := c.Intake.HTTP
	if h.Addr != "" {
		f.hostPort("intake.http.addr", h.Addr)
	}
	if (h.TLS.CertFile == "") != (h.TLS.KeyFile == "") {
		f.add("intake.http.tls.cert_file", h.TLS.CertFile, errors.New("goes with intake.http.tls.key_file: set both or neither"))
	}
	if h.Addr != "" && !(HTTP{Addr: h.Addr}).Loopback() && !h.TLS.Enabled() && !h.AllowPlain {
		f.add("intake.http.addr", h.Addr, errors.New("is reachable from other machines without encryption: "+
			"set intake.http.tls, or allow_plain behind a proxy that encrypts, or listen on 127.0.0.1"))
	}
	f.size("intake.http.max_body", h.MaxBody, 100*KB, 2000*MB)
	f.count("intake.http.max_documents", h.MaxDocuments, 1, 100_000)
	f.count("intake.http.requests_per_second", h.RequestsPerSecond, 1, 100_000)
	f.count("intake.http.parallel", h.Parallel, 1, 1000)
	names := map[string]bool{}
	for i, client := range c.Intake.Clients {
		checkClient(c, f, fmt.Sprintf("intake.clients[%d].", i), client, names)
	}
}

func checkClient(c *Config, f *faults, at string, client IntakeClient, names map[string]bool) {
	switch {
	case client.Name == "" || len(client.Name) > 64 || strings.TrimSpace(client.Name) != client.Name:
		f.add(at+"name", client.Name, errors.New("must have 1 to 64 bytes and no blank at either end"))
	case names[client.Name]:
		f.add(at+"name", client.Name, errors.New("is already the name of another client: each needs its own"))
	}
	f.printable(at+"name", client.Name)
	names[client.Name] = true
	if client.KeyFile == "" {
		f.add(at+"key_file", "", errors.New("is missing: the file with the client's bearer key (openssl rand -hex 32)"))
	}
	if len(client.Tenants) == 0 {
		f.add(at+"tenants", "", errors.New("is empty: name the tenants whose invoices this client hands in"))
	}
	for k, name := range client.Tenants {
		field := fmt.Sprintf("%stenants[%d]", at, k)
		if len(c.TenantsNamed(name)) != 1 {
			f.add(field, name, errors.New("is not one tenant of this configuration: write its name, or its NIP if no other has that"))
		}
		if slices.Index(client.Tenants, name) != k {
			f.add(field, name, errors.New("is named twice"))
		}
	}
}
