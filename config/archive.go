package config

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// Archive is the store that keeps receipts (UPO), invoices and result documents permanently. Every
// worker of the pool needs the same one.
type Archive struct {
	// URL is file:///absolute/path or s3://bucket/prefix.
	URL string `yaml:"url" env:"URL"`
	// Region of the bucket; empty means us-east-1. Only with s3.
	Region string `yaml:"region" env:"REGION"`
	// Endpoint is https://host[:port] of an S3 service other than Amazon's; empty means Amazon's.
	// Only with s3.
	Endpoint string `yaml:"endpoint" env:"ENDPOINT"`
	// AccessKeyFile and SecretKeyFile hold the S3 credentials: set both or neither. Without them
	// the credentials of the machine are used (instance role, AWS_… variables).
	AccessKeyFile string `yaml:"access_key_file" env:"ACCESS_KEY_FILE"`
	SecretKeyFile string `yaml:"secret_key_file" env:"SECRET_KEY_FILE"`
	// Timeout is how long one call may take, to a bucket or to a folder; 1s to 10m. Large objects
	// get four seconds more for each megabyte. After three calls in a row that failed because the
	// archive as a whole does not work, receipts wait. From then on, one probe at a time finds out
	// when the archive works again.
	Timeout time.Duration `yaml:"timeout" env:"TIMEOUT"`
	// Parallel is how many packages this process writes to the archive at a time; 1 to 16. Each
	// package that is being written takes a slot. With several tenants and more than one slot, no
	// tenant uses all of the slots: one is always left to the others.
	Parallel int `yaml:"parallel" env:"PARALLEL"`
	// Layout is packages or files. With packages, the receipted invoices of a larger package are
	// kept together, in ZIPs with an index, and the invoices of smaller packages one by one. With
	// files, every invoice is kept in files of its own. Both layouts are always read.
	Layout ArchiveLayout `yaml:"layout" env:"LAYOUT"`
}

func defaultArchive() Archive {
	return Archive{Timeout: 30 * time.Second, Parallel: 3, Layout: PackagesLayout}
}

// Folder returns the path of an archive that is a folder; "" for a bucket.
func (a Archive) Folder() string {
	if u, err := url.Parse(a.URL); err == nil && u.Scheme == "file" {
		return u.Path
	}
	return ""
}

// Keys reads the S3 credentials from their files on each call. Two empty strings mean the
// credentials of the machine.
func (a Archive) Keys() (access, secret string, err error) {
	if a.AccessKeyFile == "" {
		return "", "", nil
	}
	if access, err = readSecret("archive.access_key_file", a.AccessKeyFile); err != nil {
		return "", "", err
	}
	if secret, err = readSecret("archive.secret_key_file", a.SecretKeyFile); err != nil {
		return "", "", err
	}
	return access, secret, nil
}

func (a Archive) check(f *faults) {
	f.duration("archive.timeout", a.Timeout, time.Second, 10*time.Minute)
	f.count("archive.parallel", a.Parallel, 1, 16)
	a.Layout.check(f)
	u, err := url.Parse(a.URL)
	shown := redactURL(a.URL)
	switch {
	case a.URL == "":
		f.add("archive.url", "", errors.New("is missing: file:///absolute/path or s3://bucket/prefix"))
		return
	case err != nil:
		f.add("archive.url", shown, errors.New("is not a URL: file:///absolute/path or s3://bucket/prefix"))
		return
	case u.User != nil:
		f.add("archive.url", shown, errors.New("must not contain a login; use archive.access_key_file and secret_key_file"))
	case u.RawQuery != "" || u.Fragment != "":
		f.add("archive.url", shown, errors.New("must not contain ? or #"))
	}
	switch u.Scheme {
	case "file":
		if (u.Host != "" && u.Host != "localhost") || !filepath.IsAbs(u.Path) {
			f.add("archive.url", shown, errors.New("needs three slashes and an absolute path: file:///var/lib/ksef"))
		}
		for _, k := range []struct{ key, value string }{
			{"region", a.Region}, {"endpoint", a.Endpoint}, {"access_key_file", a.AccessKeyFile}, {"secret_key_file", a.SecretKeyFile},
		} {
			if k.value != "" {
				f.add("archive."+k.key, k.value, errors.New("is only for s3:// archives; remove it"))
			}
		}
	case "s3":
		if u.Host == "" {
			f.add("archive.url", shown, errors.New("names no bucket: s3://bucket/prefix"))
		}
		a.checkS3(f)
	default:
		f.add("archive.url", shown, errors.New("must begin with file:// or s3://"))
	}
}

func (a Archive) checkS3(f *faults) {
	if (a.AccessKeyFile == "") != (a.SecretKeyFile == "") {
		f.add("archive.access_key_file", a.AccessKeyFile, errors.New("goes with archive.secret_key_file: set both or neither"))
	}
	if a.Endpoint == "" {
		return
	}
	u, err := url.Parse(a.Endpoint)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		f.add("archive.endpoint", redactURL(a.Endpoint), errors.New("must be https://host or https://host:port"))
	}
}

// Storage says how invoice XML is kept in Redis until its receipt is archived.
type Storage struct {
	// KeyFile is one file or several. Each holds 32 bytes: raw, as 64 hex digits or as Base64. With
	// keys the XML is encrypted with AES-256-GCM. The first key encrypts, and each key can decrypt.
	// Empty means that the XML is only compressed. Every worker and every enqueue of the pool needs
	// the same keys.
	KeyFile Files `yaml:"key_file" env:"KEY_FILE"`
	// KeepRejected is how long the XML of a rejected, dismissed or superseded invoice is kept.
	// While it is kept, the invoice can be retried. 0 means as long as its entry
	// (ledger.retention), otherwise at least 1h.
	KeepRejected time.Duration `yaml:"keep_rejected" env:"KEEP_REJECTED"`
}

func defaultStorage() Storage { return Storage{KeepRejected: 30 * 24 * time.Hour} }

func (s Storage) check(f *faults) {
	if s.KeepRejected != 0 {
		f.duration("storage.keep_rejected", s.KeepRejected, time.Hour, 20*365*24*time.Hour)
	}
}

// Keys reads the encryption keys in the order of the files; nil when no key_file is set.
func (s Storage) Keys() ([][]byte, error) {
	var keys [][]byte
	for i, file := range s.KeyFile {
		key, err := readStorageKey(file)
		if err != nil {
			return nil, err
		}
		for j, other := range keys {
			if bytes.Equal(key, other) {
				return nil, fmt.Errorf("read storage.key_file: %s and %s contain the same key; is one of them a copy?",
					s.KeyFile[j], s.KeyFile[i])
			}
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func readStorageKey(file string) ([]byte, error) {
	raw, err := readSecretFile("storage.key_file", file)
	if err != nil {
		return nil, err
	}
	// Try the raw form first, without trimming, because the last byte of a random key may be a
	// newline.
	if len(raw) == 32 {
		return raw, nil
	}
	text := trimNewline(string(raw))
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString, base64.URLEncoding.DecodeString,
	} {
		if key, err := decode(text); err == nil && len(key) == 32 {
			return key, nil
		}
	}
	return nil, fmt.Errorf("read storage.key_file %s: its %d bytes are not a 32-byte key in raw, hex or Base64 form; "+
		"make one with: openssl rand -base64 32", file, len(raw))
}

// Ledger is the record of every invoice and package.
type Ledger struct {
	// Retention is how long an entry is kept after its invoice is receipted, rejected, dismissed or
	// superseded. 0 means for ever, otherwise at least 24h. While the entry is kept, the same
	// invoice is recognised without asking KSeF. Afterwards it is recognised by its result in the
	// archive.
	Retention time.Duration `yaml:"retention" env:"RETENTION"`
	// Refusals is how long the record of a document that was refused at intake is kept. 0 means no
	// record, otherwise at least 1h.
	Refusals time.Duration `yaml:"refusals" env:"REFUSALS"`
	// UpgradeAfter is how long after an upgrade the pool can go back to an earlier build, which
	// reads only an earlier format of the ledger; 0 to 720h. The time begins when the last process
	// of that build has ended. When it has passed, the ledger refuses earlier builds. When the same
	// time has passed once more, the pool writes the new format. With 0 the pool refuses earlier
	// builds and writes the new format without any wait. In that case, no enqueue of an earlier
	// build may be at work anywhere.
	UpgradeAfter time.Duration `yaml:"upgrade_after" env:"UPGRADE_AFTER"`
}

func defaultLedger() Ledger {
	return Ledger{Retention: 90 * 24 * time.Hour, Refusals: 30 * 24 * time.Hour, UpgradeAfter: time.Hour}
}

func (l Ledger) check(f *faults) {
	if l.Retention != 0 {
		f.duration("ledger.retention", l.Retention, 24*time.Hour, 20*365*24*time.Hour)
	}
	if l.Refusals != 0 {
		f.duration("ledger.refusals", l.Refusals, time.Hour, 20*365*24*time.Hour)
	}
	f.duration("ledger.upgrade_after", l.UpgradeAfter, 0, 30*24*time.Hour)
}
