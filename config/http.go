package config

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/bcrypt"
)

// HTTP is the worker's own listener: health, metrics, dashboard.
type HTTP struct {
	// Addr is host:port; empty means no listener. Beyond loopback the dashboard needs a login, or must be off.
	Addr      string    `yaml:"addr" env:"ADDR"`
	TLS       HTTPTLS   `yaml:"tls" envPrefix:"TLS_"`
	Dashboard Dashboard `yaml:"dashboard" envPrefix:"DASHBOARD_"`
}

// HTTPTLS encrypts the listener. The zero value does not.
type HTTPTLS struct {
	// CertFile and KeyFile are the certificate, with what it is signed by, and its key in PEM, both or
	// neither. They are read anew when they were replaced.
	CertFile string `yaml:"cert_file" env:"CERT_FILE"`
	KeyFile  string `yaml:"key_file" env:"KEY_FILE"`
}

// Enabled reports whether there is a certificate.
func (t HTTPTLS) Enabled() bool { return t.CertFile != "" }

// Dashboard is asynqmon under /monitoring/.
type Dashboard struct {
	// Enabled serves it at all.
	Enabled bool `yaml:"enabled" env:"ENABLED"`
	// ReadOnly takes away the buttons that pause, run, archive and delete. The sweep would heal most of what they break, at a cost.
	ReadOnly bool `yaml:"read_only" env:"READ_ONLY"`
	// Username of the login; empty means no login, which only a loopback address permits.
	Username string `yaml:"username" env:"USERNAME"`
	// PasswordFile holds a bcrypt hash (htpasswd -nB) or the password itself.
	PasswordFile string `yaml:"password_file" env:"PASSWORD_FILE"`
}

func defaultHTTP() HTTP {
	return HTTP{Addr: "127.0.0.1:8080", Dashboard: Dashboard{Enabled: true, ReadOnly: true}}
}

// Loopback reports whether the listener is reachable from this machine only. An empty or unparseable address is not.
func (h HTTP) Loopback() bool {
	host, _, err := net.SplitHostPort(h.Addr)
	return err == nil && IsLoopback(host)
}

// HasLogin reports whether a login is configured.
func (d Dashboard) HasLogin() bool { return d.Username != "" }

// Login reads the password file once and returns the check. A plain password is compared in constant time. A bcrypt hash takes some 50
// ms a try, which browsers repeat with every request, so the last pair that passed is remembered as a keyed digest; and only one try is
// computed at a time, so that guessing can't take the worker's cores. The function is safe for concurrent use; nil without a login.
func (d Dashboard) Login() (func(user, password string) bool, error) {
	if !d.HasLogin() {
		return nil, nil
	}
	secret, err := readSecret("http.dashboard.password_file", d.PasswordFile)
	if err != nil {
		return nil, err
	}
	// htpasswd prints name:hash; whoever keeps that line as it is means the hash.
	if hash, ok := strings.CutPrefix(secret, d.Username+":$2"); ok {
		secret = "$2" + hash
	}
	digest := keyedDigest()
	if !strings.HasPrefix(secret, "$2") {
		want := digest(d.Username, secret)
		return func(user, password string) bool {
			got := digest(user, password)
			return subtle.ConstantTimeCompare(got[:], want[:]) == 1
		}, nil
	}
	hash := []byte(secret)
	if _, err := bcrypt.Cost(hash); err != nil {
		return nil, fmt.Errorf("read http.dashboard.password_file %s: begins like a bcrypt hash but is none; make one with: htpasswd -nBC 10 %s", d.PasswordFile, d.Username)
	}
	name := digest(d.Username, "")
	var last atomic.Pointer[[sha256.Size]byte]
	turn := make(chan struct{}, 1)
	return func(user, password string) bool {
		got := digest(user, password)
		if p := last.Load(); p != nil && subtle.ConstantTimeCompare(got[:], p[:]) == 1 {
			return true
		}
		turn <- struct{}{}
		defer func() { <-turn }()
		// The hash is computed for a wrong name too, so that the time taken says nothing about which half was wrong.
		given := digest(user, "")
		same := subtle.ConstantTimeCompare(given[:], name[:]) == 1
		if bcrypt.CompareHashAndPassword(hash, []byte(password)) != nil || !same {
			return false
		}
		last.Store(&got)
		return true
	}, nil
}

// keyedDigest maps a pair to 32 bytes under a key that lives as long as the function: equal length for the comparison, and nothing in
// memory from which the password could be had.
func keyedDigest() func(user, password string) [sha256.Size]byte {
	var key [32]byte
	rand.Read(key[:])
	return func(user, password string) (sum [sha256.Size]byte) {
		m := hmac.New(sha256.New, key[:])
		fmt.Fprintf(m, "%d:%s%s", len(user), user, password)
		m.Sum(sum[:0])
		return sum
	}
}

func (h HTTP) check(f *faults) {
	if h.Addr != "" {
		f.hostPort("http.addr", h.Addr)
	}
	if (h.TLS.CertFile == "") != (h.TLS.KeyFile == "") {
		f.add("http.tls.cert_file", h.TLS.CertFile, errors.New("goes with http.tls.key_file: set both or neither"))
	}
	d := h.Dashboard
	if (d.Username == "") != (d.PasswordFile == "") {
		f.add("http.dashboard.username", d.Username, errors.New("goes with http.dashboard.password_file: set both or neither"))
	}
	if strings.Contains(d.Username, ":") {
		f.add("http.dashboard.username", d.Username, errors.New("must not contain a colon (HTTP Basic can't carry it)"))
	}
	if h.Addr != "" && !h.Loopback() && d.Enabled && !d.HasLogin() {
		f.add("http.addr", h.Addr, errors.New("is reachable from other machines and the dashboard has no login: set http.dashboard.username and password_file, or http.dashboard.enabled: false, or listen on 127.0.0.1"))
	}
}
