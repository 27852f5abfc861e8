package enrol

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"ksefworker/config"
)

// files are the paths of a new key, of the record of the certificate request, and of the
// certificate once it is fetched.
type files struct {
	key, cert, request string
	// install says that the new certificate takes the place of the tenant's present one.
	install bool
}

// filesOf returns the paths of the new files, which are beside the present ones, or in dir.
func filesOf(t config.Tenant, dir string) (files, error) {
	if dir != "" {
		in := func(name string) string { return filepath.Join(dir, t.NIP+name) }
		return files{key: in("-key.pem"), cert: in("-cert.pem"), request: in("-request.json")}, nil
	}
	if t.CertificateFile == "" || t.PrivateKeyFile == "" {
		return files{}, fmt.Errorf("tenant %s has no certificate_file and private_key_file: name a folder for the new ones with --dir",
			t.Title())
	}
	if t.CertificateFile == t.PrivateKeyFile {
		return files{}, fmt.Errorf("tenant %s has certificate and key in one file, which cannot be replaced: "+
			"name a folder for the new ones with --dir", t.Title())
	}
	return files{key: t.PrivateKeyFile + ".next", cert: t.CertificateFile + ".next", request: t.CertificateFile + ".request",
		install: true}, nil
}

// newKey makes a private key and writes it to a new file. It fails when the file exists already.
func newKey(path string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a private key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make a private key: %w", err)
	}
	return key, create(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

// create writes a new file. It fails when the file exists already. When create returns nil, the
// content is on the disk.
func create(path string, content []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists, and nothing is overwritten: move it away first", path)
	}
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(path)))
	}
	return nil
}

func certificatePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// pending is the record of a certificate request. The command that makes the request writes this
// record, and the command that fetches the certificate reads it.
type pending struct {
	Reference   string `json:"reference"`
	Environment string `json:"environment"`
	NIP         string `json:"nip"`
}

func (f files) pending(cfg config.Config, t config.Tenant) (pending, error) {
	raw, err := os.ReadFile(f.request)
	if errors.Is(err, fs.ErrNotExist) {
		return pending{}, fmt.Errorf("no certificate was requested: there is no %s", f.request)
	}
	var p pending
	if err == nil {
		err = json.Unmarshal(raw, &p)
	}
	switch {
	case err != nil:
		return pending{}, fmt.Errorf("read %s: %w", f.request, err)
	case p.Environment != string(cfg.Environment) || p.NIP != t.NIP:
		return pending{}, fmt.Errorf("%s is for environment %s and NIP %s, but the configuration has environment %s and NIP %s",
			f.request, p.Environment, p.NIP, cfg.Environment, t.NIP)
	}
	return p, nil
}

// replace puts the new files in the place of the present ones, which are kept as .previous. The key
// is replaced first. A worker that reads in between finds that key and certificate do not belong
// together, and reads again a second later.
func (f files) replace(t config.Tenant) error {
	for _, move := range [][2]string{{f.key, t.PrivateKeyFile}, {f.cert, t.CertificateFile}} {
		from, to := move[0], move[1]
		_ = os.Remove(to + ".previous")
		if err := os.Link(to, to+".previous"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("keep the present file: %w", err)
		}
		if err := os.Rename(from, to); err != nil {
			return fmt.Errorf("put the new file in its place: %w", err)
		}
	}
	return nil
}
