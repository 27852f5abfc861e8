package config

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Redis is the server of the queues and the ledger. It is one node, or the master that a set of
// Sentinels names.
type Redis struct {
	// URL of the node: redis://host:6379/0, rediss:// for TLS, unix:///run/redis.sock?db=0. With
	// Sentinel only its database number and login are used. The file must not contain a password;
	// REDIS_URL may.
	URL string `yaml:"url" env:"URL"`
	// Username of the ACL user; empty means the default user. Username takes precedence over the
	// user name in URL.
	Username string `yaml:"username" env:"USERNAME"`
	// PasswordFile holds the password; empty means none, or the password in REDIS_URL.
	PasswordFile string `yaml:"password_file" env:"PASSWORD_FILE"`
	// Prefix begins every key of this pool, including asynq's keys, so that several pools can share
	// one database. It is 1 to 32 letters, digits, '.', '_' and '-', and one colon at the end. For
	// the default see AsynqPrefix.
	Prefix   string   `yaml:"prefix" env:"PREFIX"`
	TLS      RedisTLS `yaml:"tls" envPrefix:"TLS_"`
	Sentinel Sentinel `yaml:"sentinel" envPrefix:"SENTINEL_"`
	// AllowVolatile lets the worker, and the commands of enqueue that take documents in, use a
	// Redis that may lose data (no append-only file, or an eviction policy). For development only.
	AllowVolatile bool `yaml:"allow_volatile" env:"ALLOW_VOLATILE"`
	// IntakeBelow is a share of Redis's maxmemory; 0 to 1. When the used memory reaches this share,
	// no new invoice is taken in. So the invoices taken in before have enough memory to finish. 0
	// and 1 mean no check. Without a maxmemory there is no check.
	IntakeBelow float64 `yaml:"intake_below" env:"INTAKE_BELOW"`
	// WaitReplicas is how many replicas must have certain writes; -1 to 5. The pool waits for them
	// before it reports an invoice as taken in, and before it sends an invoice. 0 waits for none.
	// -1 means 1 with Sentinel and 0 without.
	WaitReplicas int `yaml:"wait_replicas" env:"WAIT_REPLICAS"`
	// WaitTimeout is how long to wait for the replicas; 10ms to 2s.
	WaitTimeout time.Duration `yaml:"wait_timeout" env:"WAIT_TIMEOUT"`

	// password comes from REDIS_URL. It is a pointer, so that printing a Config with %+v shows a
	// memory address and not the password.
	password *string
}

func defaultRedis() Redis {
	return Redis{URL: "redis://127.0.0.1:6379/0", Prefix: defaultPrefix,
		IntakeBelow: 0.85, WaitReplicas: -1, WaitTimeout: time.Second}
}

// IntakeShare returns IntakeBelow; 0 means no check.
func (r Redis) IntakeShare() float64 {
	if r.IntakeBelow >= 1 {
		return 0
	}
	return r.IntakeBelow
}

// Replicas returns WaitReplicas with its default applied.
func (r Redis) Replicas() int {
	switch {
	case r.WaitReplicas >= 0:
		return r.WaitReplicas
	case r.Sentinel.Master != "":
		return 1
	}
	return 0
}

// RedisTLS says how the connection to Redis is encrypted.
type RedisTLS struct {
	// Enabled encrypts the connection; rediss:// does the same.
	Enabled bool `yaml:"enabled" env:"ENABLED"`
	// CAFile is a PEM file with the trusted certificate authorities; empty means the system's
	// authorities.
	CAFile string `yaml:"ca_file" env:"CA_FILE"`
	// CertFile and KeyFile are the certificate and key of the client in PEM: set both or neither.
	CertFile string `yaml:"cert_file" env:"CERT_FILE"`
	KeyFile  string `yaml:"key_file" env:"KEY_FILE"`
	// ServerName is the name expected in the certificate of the server; empty means the host that
	// is dialled.
	ServerName string `yaml:"server_name" env:"SERVER_NAME"`
}

func (t RedisTLS) isZero() bool { return t == RedisTLS{} }

// Sentinel finds the master through a set of Redis Sentinels.
type Sentinel struct {
	// Master is the name under which the Sentinels watch the master; empty means no Sentinel.
	Master string `yaml:"master" env:"MASTER"`
	// Addrs are host:port of the Sentinels.
	Addrs []string `yaml:"addrs" env:"ADDRS"`
	// Username and PasswordFile are the login for the Sentinels; empty means none.
	Username     string `yaml:"username" env:"USERNAME"`
	PasswordFile string `yaml:"password_file" env:"PASSWORD_FILE"`
}

func (r Redis) check(f *faults) {
	if _, err := parseRedisURL(r.URL); err != nil {
		f.add("redis.url", redactURL(r.URL), err)
	}
	if !prefixes.MatchString(r.Prefix) || r.Prefix == "asynq:" {
		f.add("redis.prefix", r.Prefix, errors.New("must be 1 to 32 letters, digits, '.', '_' or '-' and one colon at the end, "+
			"such as ksef-test:, and not asynq:, which other programs use for their queues"))
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
