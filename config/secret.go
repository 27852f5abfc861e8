package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// maxSecret is far above the size of any key. It prevents a wrong path (a log, a device) from being
// read into memory.
const maxSecret = 64 << 10

// readSecret reads a secret as text. It removes only one newline at the end, because editors and
// echo add one. what names the secret in errors.
func readSecret(what, path string) (string, error) {
	raw, err := readSecretFile(what, path)
	if err != nil {
		return "", err
	}
	text := trimNewline(string(raw))
	if text == "" {
		return "", fmt.Errorf("read %s: file %s is empty; write the secret into it", what, path)
	}
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		if strings.HasPrefix(text, mark) {
			return "", fmt.Errorf("read %s: file %s begins with a byte order mark (BOM), which some editors of Windows write; "+
				"save it as UTF-8 without BOM", what, path)
		}
	}
	if line := strings.Trim(text, "\r\n"); line != text && !strings.ContainsAny(line, "\r\n") {
		return "", fmt.Errorf("read %s: file %s has more than one line: an empty line comes before or after the secret; "+
			"remove the empty line", what, path)
	}
	// A control character cannot be sent in a header. It shows that the file is wrong or has a
	// second line. An error here says more than a 401 later.
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", fmt.Errorf("read %s: file %s has more than one line or a control character; "+
			"it must contain the secret and nothing else", what, path)
	}
	return text, nil
}

func readSecretFile(what, path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read %s: no file %s; create it or correct the path: %w", what, path, fs.ErrNotExist)
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", what, err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("read %s: %s is not a plain file", what, path)
	case info.Mode().Perm()&0o002 != 0:
		// A file that others can read is allowed, because secret mounts of orchestrators often are
		// like that. A file that others can write is refused, because any user here could replace
		// the key.
		return nil, fmt.Errorf("read %s: file %s can be written by every user of this machine; run: chmod o-w %s", what, path, path)
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("read %s: file %s may not be read; give this program's user read permission: %w",
			what, path, fs.ErrPermission)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	if len(raw) > maxSecret {
		return nil, fmt.Errorf("read %s: file %s is larger than 64 KiB, so it is not a secret", what, path)
	}
	return raw, nil
}

func trimNewline(s string) string {
	s = strings.TrimSuffix(s, "\n")
	return strings.TrimSuffix(s, "\r")
}

// CheckFiles reads the secrets and certificates that the configuration names, except those of
// intake ([Intake.CheckKeys], [IntakeHTTP.CheckTLS]), and returns all errors joined. Load does not
// read them, because enqueue loads the same file and most of its commands need no API keys. The
// worker calls CheckFiles in --check, and before it takes a reloaded configuration.
func (c Config) CheckFiles() error {
	var errs []error
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	for _, t := range c.Tenants {
		note(t.CheckCredentials())
		if t.OfflineCertificateFile != "" {
			_, _, _, err := t.OfflineCertificate()
			note(err)
		}
	}
	_, err := c.Redis.Conn()
	note(err)
	_, _, err = c.Archive.Keys()
	note(err)
	_, err = c.Storage.Keys()
	note(err)
	_, err = c.Accounts()
	note(err)
	_, err = c.HTTP.OIDC.Client()
	note(err)
	_, err = c.HTTP.TLS.Config(nil)
	note(err)
	for _, w := range c.Results.Webhooks {
		_, err = w.Secrets()
		note(err)
	}
	for _, d := range c.Results.AllDatabases() {
		_, err = d.Password()
		note(err)
	}
	return errors.Join(errs...)
}

// OpenSecrets returns a warning for each secret file that every user of this machine can read. Such
// a file is no fault, because secret mounts of orchestrators are often like that.
func (c Config) OpenSecrets() []string {
	var open []string
	note := func(setting, path string) {
		info, err := os.Stat(path)
		if path != "" && err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0 {
			open = append(open, fmt.Sprintf("%s: every user of this machine can read %s; run: chmod o-r %s", setting, path, path))
		}
	}
	for _, t := range c.Tenants {
		for _, file := range t.SecretFiles() {
			if file.Key != "certificate_file" { // it is public
				note(file.Key+" of tenant "+t.NIP, file.Path)
			}
		}
		if t.OfflineKeyFile == "" { // the key is in the certificate's file
			note("offline_certificate_file of tenant "+t.NIP, t.OfflineCertificateFile)
		}
		note("offline_key_file of tenant "+t.NIP, t.OfflineKeyFile)
		note("offline_key_password_file of tenant "+t.NIP, t.OfflineKeyPasswordFile)
	}
	note("redis.password_file", c.Redis.PasswordFile)
	note("redis.tls.key_file", c.Redis.TLS.KeyFile)
	note("redis.sentinel.password_file", c.Redis.Sentinel.PasswordFile)
	note("archive.secret_key_file", c.Archive.SecretKeyFile)
	for _, path := range c.Storage.KeyFile {
		note("storage.key_file", path)
	}
	note("http.dashboard.password_file", c.HTTP.Dashboard.PasswordFile)
	for i, u := range c.HTTP.Users {
		note(fmt.Sprintf("http.users[%d].password_file", i), u.PasswordFile)
	}
	note("http.oidc.client_secret_file", c.HTTP.OIDC.ClientSecretFile)
	note("http.tls.key_file", c.HTTP.TLS.KeyFile)
	note("intake.http.tls.key_file", c.Intake.HTTP.TLS.KeyFile)
	for _, client := range c.Intake.Clients {
		note("key_file of intake client "+client.Name, client.KeyFile)
	}
	for _, w := range c.Results.Webhooks {
		for _, path := range w.SecretFile {
			note("secret_file of webhook "+w.Name, path)
		}
	}
	note("results.postgres.password_file", c.Results.Postgres.PasswordFile)
	for i, d := range c.Results.Databases {
		note(fmt.Sprintf("results.databases[%d].password_file", i), d.PasswordFile)
	}
	return open
}
