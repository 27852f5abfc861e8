package connect

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"strings"
	"syscall"

	"ksefworker/config"
)

// redisHint returns what a person can do about a Redis that cannot be used.
func redisHint(err error, c config.RedisConn) string {
	text := err.Error()
	switch {
	case strings.Contains(text, "WRONGPASS"), strings.Contains(text, "invalid username-password pair"):
		return "the server refuses this user and password: check redis.username and the content of redis.password_file"
	case strings.Contains(text, "NOAUTH"),
		strings.Contains(text, "HELLO must be called with the client already authenticated"):
		return "the server requires a password: put it into a file and name the file in redis.password_file"
	case strings.Contains(text, "NOPERM"):
		return "the user (redis.username) may not do this: give it the commands and keys that the section Rights of docs/redis.md lists"
	case strings.Contains(text, "MISCONF"):
		return "the server runs, but cannot save what it is told, most likely because its disk is full: " +
			"make room there, no restart is needed"
	}
	if hint := TLSHint(err, c.TLS != nil, "redis.url", "rediss://", "redis://", "redis.tls"); hint != "" {
		return hint
	}
	if c.Master != "" {
		return "check that " + c.Master + " runs; after a failure the Sentinels need some seconds to name another master"
	}
	return "check redis.url, and that the server runs"
}

// Explain returns the text of an error of Redis for a person. A Redis that takes no writes answers
// in many forms, for example behind the hash of a script. Explain replaces all of them by one text.
// It returns the text of any other error unchanged.
func Explain(err error) string {
	if !strings.Contains(err.Error(), "READONLY ") {
		return err.Error()
	}
	return "this Redis is a replica and takes no writes: during a failover, try again in a minute; " +
		"if redis.url names a replica, name the master, or Sentinel; nothing that was taken is lost"
}

// TLSHint returns what to do about a mistake with encryption, and "" when err is another error.
// secure says whether TLS was tried. setting names the setting of the address. The parameters with
// and without are the schemes of the address with and without TLS. trust says where the trusted
// authorities are set.
func TLSHint(err error, secure bool, setting, with, without, trust string) string {
	var (
		plain     tls.RecordHeaderError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		expired   x509.CertificateInvalidError
		alert     tls.AlertError
	)
	switch {
	case errors.As(err, &plain), secure && strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "the port does not speak TLS: use " + without + " in " + setting + ", or name its TLS port"
	case errors.As(err, &authority):
		return "its certificate comes from an authority that is not trusted here: see " + trust + " (a CA file)"
	case errors.As(err, &host):
		return "its certificate is for another host: correct the host in " + setting + ", or the server name in " + trust
	case errors.As(err, &expired):
		return "its certificate is not valid: renew it, or check this machine's clock"
	case errors.As(err, &alert):
		return "it requires a client certificate that it trusts: see " + trust
	case secure && errors.Is(err, context.DeadlineExceeded):
		return "it does not answer to TLS: if the port does not speak TLS, use " + without + " in " + setting
	case !secure && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)):
		return "the server closes the connection at once: if its port speaks TLS, use " + with + " in " + setting
	}
	return ""
}
