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

// HTTP is the worker's HTTP listener: health, metrics, business page, dashboard.
type HTTP struct {
	// Addr is host:port; empty means no listener. On an address that other machines can reach, the
	// dashboard needs a login or must be off.
	Addr string  `yaml:"addr" env:"ADDR"`
	TLS  HTTPTLS `yaml:"tls" envPrefix:"TLS_"`
	// PublicURL is the address of the page as browsers know it. Set it when a proxy in front of the
	// worker terminates TLS. When it begins with https, browsers send the cookies over encrypted
	// connections only. Empty means that browsers use Addr, or the address in OIDC.RedirectURL.
	PublicURL string `yaml:"public_url" env:"PUBLIC_URL"`
	// TrustedProxies are the addresses and networks of proxies whose X-Forwarded-For names the
	// visitor. Empty means that the header is ignored.
	TrustedProxies []string  `yaml:"trusted_proxies" env:"TRUSTED_PROXIES"`
	Dashboard      Dashboard `yaml:"dashboard" envPrefix:"DASHBOARD_"`
	// Users may log in to the business page at /.
	Users []User `yaml:"users" envPrefix:"USERS_"`
	// OIDC lets people who are not in Users log in to that page at a provider of OpenID Connect.
	OIDC OIDC `yaml:"oidc" envPrefix:"OIDC_"`
	// TenantSeries is the maximum number of tenants whose limits /metrics shows. When there are
	// more tenants, only those with invoices that wait or groups that are held back are shown.
	TenantSeries int `yaml:"tenant_series" env:"TENANT_SERIES"`
}

// HTTPTLS encrypts the listener. The zero value means no encryption.
type HTTPTLS struct {
	// CertFile and KeyFile are the certificate with its chain and its key, both in PEM: set both or
	// neither. Replaced files are read again.
	CertFile string `yaml:"cert_file" env:"CERT_FILE"`
	KeyFile  string `yaml:"key_file" env:"KEY_FILE"`
}

// Enabled reports whether a certificate is set.
func (t HTTPTLS) Enabled() bool { return t.CertFile != "" }

// Dashboard is asynqmon under /monitoring/.
type Dashboard struct {
	// Enabled says that the dashboard is served.
	Enabled bool `yaml:"enabled" env:"ENABLED"`
	// ReadOnly refuses every change in the dashboard. It also keeps people from acting on the
	// business page. Without ReadOnly, the sweep repairs most of the damage that a change in the
	// dashboard can do, but each repair costs extra work.
	ReadOnly bool `yaml:"read_only" env:"READ_ONLY"`
	// Username of the login; empty means that the dashboard has no login of its own. Then, without
	// Users and OIDC, the dashboard may be served on a loopback address only.
	Username string `yaml:"username" env:"USERNAME"`
	// PasswordFile holds a bcrypt hash (htpasswd -nB) or the password itself.
	PasswordFile string `yaml:"password_file" env:"PASSWORD_FILE"`
}

func defaultHTTP() HTTP {
	return HTTP{Addr: "127.0.0.1:8080", TenantSeries: 15, Dashboard: Dashboard{Enabled: true, ReadOnly: true},
		OIDC: defaultOIDC()}
}

// Loopback reports whether only this machine can reach the listener. It is false for an empty or
// malformed address.
func (h HTTP) Loopback() bool {
	host, _, err := net.SplitHostPort(h.Addr)
	return err == nil && IsLoopback(host)
}

// HasLogin reports whether a login is configured.
func (d Dashboard) HasLogin() bool { return d.Username != "" }

// Login reads the password file once and returns a function that checks a login; nil when no login
// is configured. The function compares a plain password in constant time. A check of a bcrypt hash
// takes some 50 ms, and browsers repeat the login with every request. So the function remembers the
// last correct user name and password as a keyed digest. It computes only one hash at a time, so
// that guessing passwords cannot use up the cores of the worker. It is safe for concurrent use.
func (d Dashboard) Login() (func(user, password string) bool, error) {
	if !d.HasLogin() {
		return nil, nil
	}
	_, check, err := readLogin("http.dashboard.password_file", d.Username, d.PasswordFile, make(chan struct{}, 1))
	return check, err
}

// readLogin reads a password file and returns its secret and the function of [Dashboard.Login].
// turn has capacity 1. A goroutine puts a value into it while it computes a hash.
func readLogin(setting, username, file string, turn chan struct{}) (string, func(user, password string) bool, error) {
	secret, err := readSecret(setting, file)
	if err != nil {
		return "", nil, err
	}
	// htpasswd prints name:hash. A file with that whole line means the hash.
	if hash, ok := strings.CutPrefix(secret, username+":$2"); ok {
		secret = "$2" + hash
	}
	digest := keyedDigest()
	if !strings.HasPrefix(secret, "$2") {
		want := digest(username, secret)
		return secret, func(user, password string) bool {
			got := digest(user, password)
			return subtle.ConstantTimeCompare(got[:], want[:]) == 1
		}, nil
	}
	hash := []byte(secret)
	if _, err := bcrypt.Cost(hash); err != nil {
		return "", nil, fmt.Errorf("read %s %s: begins like a bcrypt hash but is not one; make one with: htpasswd -nBC 10 %s",
			setting, file, username)
	}
	name := digest(username, "")
	var last atomic.Pointer[[sha256.Size]byte]
	return secret, func(user, password string) bool {
		got := digest(user, password)
		if p := last.Load(); p != nil && subtle.ConstantTimeCompare(got[:], p[:]) == 1 {
			return true
		}
		turn <- struct{}{}
		defer func() { <-turn }()
		// The hash is computed for a wrong name too, so that the time taken does not show whether
		// the name was correct.
		given := digest(user, "")
		same := subtle.ConstantTimeCompare(given[:], name[:]) == 1
		if bcrypt.CompareHashAndPassword(hash, []byte(password)) != nil || !same {
			return false
		}
		last.Store(&got)
		return true
	}, nil
}

// keyedDigest returns a function that maps a user name and a password to 32 bytes under a random
// key of its own. The digests have equal length for the comparison, and the password cannot be
// derived from them.
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
	h.checkPublic(f)
	f.count("http.tenant_series", h.TenantSeries, 0, 10_000)
	if (h.TLS.CertFile == "") != (h.TLS.KeyFile == "") {
		f.add("http.tls.cert_file", h.TLS.CertFile, errors.New("goes with http.tls.key_file: set both or neither"))
	}
	d := h.Dashboard
	if (d.Username == "") != (d.PasswordFile == "") {
		f.add("http.dashboard.username", d.Username, errors.New("goes with http.dashboard.password_file: set both or neither"))
	}
	if strings.Contains(d.Username, ":") {
		f.add("http.dashboard.username", d.Username, errors.New("must not contain a colon (HTTP Basic authentication does not allow it)"))
	}
	if h.Addr != "" && !h.Loopback() && d.Enabled && !d.HasLogin() && len(h.Users) == 0 && !h.OIDC.Enabled() {
		f.add("http.addr", h.Addr, errors.New("is reachable from other machines and the dashboard has no login: "+
			"set http.users, http.oidc, or http.dashboard.username and password_file, or http.dashboard.enabled: false, "+
			"or listen on 127.0.0.1"))
	}
}
