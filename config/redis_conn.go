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
)

// RedisConn is what a client needs to connect, with the files read and the URL parsed. It contains
// passwords, so it prints only the address, or the name of the master, and the database.
type RedisConn struct {
	// Network is "tcp" or "unix"; Addr is host:port or the socket's path. Both are unused when
	// Master is set.
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
	// Login and SentinelLogin return the login for a new connection. Each reads its password file
	// on each call, because the file may have been replaced. Never nil.
	Login, SentinelLogin func(context.Context) (username, password string, err error)
}

// Format prints no password with any verb, %#v included.
func (c RedisConn) Format(s fmt.State, _ rune) {
	if c.Master != "" {
		fmt.Fprintf(s, "redis master %s, database %d", c.Master, c.DB)
		return
	}
	fmt.Fprintf(s, "redis %s, database %d", c.Addr, c.DB)
}

// Conn reads the password and certificate files and returns how to connect. Errors name the key and
// the file, never the content.
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
			return nil, fmt.Errorf("read redis.tls.ca_file %s: contains no certificate in PEM form", t.CAFile)
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

// parseRedisURL is stricter than the parsers of the clients, which ignore what they do not know.
// For example, ignoring ?db=3 would mean using the database of another program. A password is not
// an error here; the callers decide where one is allowed.
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
		return RedisConn{}, errors.New("has options after ? or # that are not understood")
	}
	if db != "" {
		if c.DB, err = strconv.Atoi(db); err != nil || c.DB < 0 {
			return RedisConn{}, fmt.Errorf("ends in %q, which is not a database number: write redis://host:6379/0", db)
		}
	}
	return c, nil
}

// hidePassword moves a password in the URL to r.password.
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

// login returns a function that reads the password from the file at path on each call. Without a
// path, the function returns the given password.
func login(what, path, username, password string) func(context.Context) (string, string, error) {
	return func(context.Context) (string, string, error) {
		if path == "" {
			return username, password, nil
		}
		read, err := readSecret(what, path)
		return username, read, err
	}
}
