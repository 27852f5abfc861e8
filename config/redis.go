package config

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Redis is where the queues and the ledger live: one node, or the master that a set of Sentinels names.
type Redis struct {
	// URL of the node: redis://host:6379/0, rediss:// for TLS, unix:///run/redis.sock?db=0. With Sentinel only its database number
	// and login count. No password in the file; REDIS_URL may carry one.
	URL string `yaml:"url" env:"URL"`
	// Username of the ACL user; empty means the default user. Wins over the one in URL.
	Username string `yaml:"username" env:"USERNAME"`
	// PasswordFile holds the password; empty means none, or the one of REDIS_URL.
	PasswordFile string `yaml:"password_file" env:"PASSWORD_FILE"`
	// Prefix begins every key of this pool, asynq's included, so that several pools can share one database: 1 to 32 letters,
	// digits, '.', '_' and '-', and one colon at the end. See AsynqPrefix for the default.
	Prefix   string   `yaml:"prefix" env:"PREFIX"`
	TLS      RedisTLS `yaml:"tls" envPrefix:"TLS_"`
	Sentinel Sentinel `yaml:"sentinel" envPrefix:"SENTINEL_"`
	// AllowVolatile lets the worker start on a Redis that may forget (no append-only file, or an eviction policy). For development only.
	AllowVolatile bool `yaml:"allow_volatile" env:"ALLOW_VOLATILE"`
	// IntakeBelow is the share of Redis's maxmemory at which nothing new is taken in, so that what was
	// taken has the rest to finish in; 0 to 1, 0 or 1 means no check. Without a maxmemory there is none.
	IntakeBelow float64 `yaml:"intake_below" env:"INTAKE_BELOW"`
	// WaitReplicas is how many replicas must have a write that may not be lost: what was taken in, before
	// accepted is said, and what is about to be sent, before it is. -1 to 5; -1 means 1 with Sentinel and
	// 0 without, and 0 waits for none.
	WaitReplicas int `yaml:"wait_replicas" env:"WAIT_REPLICAS"`
	// WaitTimeout is how long they are waited for; 10ms to 2s.
	WaitTimeout time.Duration `yaml:"wait_timeout" env:"WAIT_TIMEOUT"`

	// password that came with REDIS_URL. A pointer, so that printing a Config with %+v shows an address.
	password *string
}

func defaultRedis() Redis {
	return Redis{URL: "redis://127.0.0.1:6379/0", Prefix: defaultPrefix, IntakeBelow: 0.85, WaitReplicas: -1, WaitTimeout: time.Second}
}

// IntakeShare is IntakeBelow with one value for "no check": 0.
func (r Redis) IntakeShare() float64 {
	if r.IntakeBelow >= 1 {
		return 0
	}
	return r.IntakeBelow
}

// Replicas is WaitReplicas with its default filled in.
func (r Redis) Replicas() int {
	switch {
	case r.WaitReplicas >= 0:
		return r.WaitReplicas
	case r.Sentinel.Master != "":
		return 1
	}
	return 0
}

// RedisTLS is how the connection to Redis is encrypted.
type RedisTLS struct {
	// Enabled encrypts the connection; rediss:// does the same.
	Enabled bool `yaml:"enabled" env:"ENABLED"`
	// CAFile is a PEM file with the authorities to trust; empty means the system's.
	CAFile string `yaml:"ca_file" env:"CA_FILE"`
	// CertFile and KeyFile are the client's own certificate and key in PEM, both or neither.
	CertFile string `yaml:"cert_file" env:"CERT_FILE"`
	KeyFile  string `yaml:"key_file" env:"KEY_FILE"`
	// ServerName expected in the server's certificate; empty means the host that is dialled.
	ServerName string `yaml:"server_name" env:"SERVER_NAME"`
}

func (t RedisTLS) isZero() bool { return t == RedisTLS{} }

// Sentinel names the master through a set of Redis Sentinels.
type Sentinel struct {
	// Master is the name under which the Sentinels watch the master; empty means no Sentinel.
	Master string `yaml:"master" env:"MASTER"`
	// Addrs are host:port of the Sentinels.
	Addrs []string `yaml:"addrs" env:"ADDRS"`
	// Username and PasswordFile are the login at the Sentinels themselves; empty means none.
	Username     string `yaml:"username" env:"USERNAME"`
	PasswordFile string `yaml:"password_file" env:"PASSWORD_FILE"`
}

// RedisConn is what a client needs to dial, with files read and the URL taken apart. It holds passwords: it prints as "redis" and the address.
type RedisConn struct {
	// Network is "tcp" or "unix"; Addr is host:port or the socket's path. Both are unused when Master is set.
	Network, Addr string
	DB            int
	Username      string
	Password      string
	// TLS is nil when the connection is not encrypted.
	TLS *tls.Config
	// Master is empty without Sentinel.
	Master           string
	Sentinels        []string
	SentinelUsername string
	SentinelPassword string
	// Login and SentinelLogin read the password's file again for each new connection: it may have been replaced. Never nil.
	Login, SentinelLogin func(context.Context) (username, password string, err error)
}

// Format keeps the passwords out of every verb, %#v included.
func (c RedisConn) Format(s fmt.State, _ rune) {
	if c.Master != "" {
		fmt.Fprintf(s, "redis master %s, database %d", c.Master, c.DB)
		return
	}
	fmt.Fprintf(s, "redis %s, database %d", c.Addr, c.DB)
}

// Conn reads the password and certificate files and says how to dial. Errors name the key and the file, never a content.
func (r Redis) Conn() (RedisConn, error) {
	c, err := parseRedisURL(r.URL)
	if err != nil {
		return RedisConn{}, fmt.Errorf("read redis.url: %w", err)
	}
	if r.Username != "" {
		c.Username = r.Username
	}
	if r.password != nil {
		c.Password = *r.password
	}
	c.Login = login("redis.password_file", r.PasswordFile, c.Username, c.Password)
	if _, c.Password, err = c.Login(context.Background()); err != nil {
		return RedisConn{}, err
	}
	if c.TLS != nil || r.TLS.Enabled {
		if c.TLS, err = r.TLS.config(); err != nil {
			return RedisConn{}, err
		}
	}
	s := r.Sentinel
	c.SentinelLogin = login("redis.sentinel.password_file", s.PasswordFile, s.Username, "")
	if s.Master == "" {
		return c, nil
	}
	c.Master, c.Sentinels, c.SentinelUsername = s.Master, s.Addrs, s.Username
	if _, c.SentinelPassword, err = c.SentinelLogin(context.Background()); err != nil {
		return RedisConn{}, err
	}
	return c, nil
}

func (t RedisTLS) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read redis.tls.ca_file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read redis.tls.ca_file %s: no certificate in PEM form in it", t.CAFile)
		}
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read redis.tls.cert_file and key_file: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// parseRedisURL is strict where the clients' own parsers are lenient (they drop what they don't know), because a dropped ?db=3 would
// share another program's database. A password is not an error here: who may bring one is decided where it comes from.
func parseRedisURL(raw string) (RedisConn, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return RedisConn{}, errors.New("is not a URL (a password with special characters must be %-escaped)")
	}
	c := RedisConn{Network: "tcp"}
	if u.User != nil {
		c.Username = u.User.Username()
		c.Password, _ = u.User.Password()
	}
	query := u.Query()
	db := strings.Trim(u.Path, "/")
	switch u.Scheme {
	case "redis", "rediss":
		host, port := u.Hostname(), u.Port()
		if host == "" {
			return RedisConn{}, errors.New("names no host: redis://host:6379/0")
		}
		if port == "" {
			port = "6379"
		}
		c.Addr = net.JoinHostPort(host, port)
		if u.Scheme == "rediss" {
			c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		}
	case "unix":
		if u.Host != "" || u.Path == "" {
			return RedisConn{}, errors.New("needs three slashes and a path: unix:///run/redis.sock?db=0")
		}
		c.Network, c.Addr, db = "unix", u.Path, query.Get("db")
		query.Del("db")
	default:
		return RedisConn{}, errors.New("must begin with redis://, rediss:// or unix://")
	}
	if len(query) > 0 || u.Fragment != "" {
		return RedisConn{}, errors.New("carries options after ? or # that are not understood")
	}
	if db != "" {
		if c.DB, err = strconv.Atoi(db); err != nil || c.DB < 0 {
			return RedisConn{}, fmt.Errorf("ends in %q where the database number was due, as in redis://host:6379/0", db)
		}
	}
	return c, nil
}

// hidePassword takes the password out of a URL that may carry one.
func (r *Redis) hidePassword() {
	u, err := url.Parse(r.URL)
	if err != nil || u.User == nil {
		return
	}
	if pass, ok := u.User.Password(); ok {
		r.password = &pass
		u.User = url.User(u.User.Username())
		r.URL = u.String()
	}
}

func (r Redis) check(f *faults) {
	if _, err := parseRedisURL(r.URL); err != nil {
		f.add("redis.url", redactURL(r.URL), err)
	}
	if !prefixes.MatchString(r.Prefix) || r.Prefix == "asynq:" {
		f.add("redis.prefix", r.Prefix, errors.New("must be 1 to 32 letters, digits, '.', '_' or '-' and one colon at the end, "+
			"as in ksef-test:, and not asynq:, under which other programs keep their queues"))
	}
	if !r.TLS.isZero() && !r.TLS.Enabled && !strings.HasPrefix(r.URL, "rediss:") {
		f.add("redis.tls.enabled", false, errors.New("other keys of redis.tls are set: set enabled: true as well, or use rediss://"))
	}
	if (r.TLS.CertFile == "") != (r.TLS.KeyFile == "") {
		f.add("redis.tls.cert_file", r.TLS.CertFile, errors.New("goes with redis.tls.key_file: set both or neither"))
	}
	if !(r.IntakeBelow >= 0 && r.IntakeBelow <= 1) {
		f.add("redis.intake_below", r.IntakeBelow, errors.New("must be between 0 and 1: 0.85 stops at 85 % of maxmemory"))
	}
	f.count("redis.wait_replicas", r.WaitReplicas, -1, 5)
	f.duration("redis.wait_timeout", r.WaitTimeout, 10*time.Millisecond, 2*time.Second)
	s := r.Sentinel
	if s.Master == "" && (len(s.Addrs) > 0 || s.Username != "" || s.PasswordFile != "") {
		f.add("redis.sentinel.master", "", errors.New("is missing: the name under which the Sentinels watch the master"))
	}
	if s.Master != "" && len(s.Addrs) == 0 {
		f.add("redis.sentinel.addrs", "", errors.New("is missing: host:port of at least one Sentinel"))
	}
	for i, a := range s.Addrs {
		f.hostPort(fmt.Sprintf("redis.sentinel.addrs[%d]", i), a)
	}
}
