package app_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/connect"
	"ksefworker/internal/redisd"
	"ksefworker/internal/redisd/redistest"
)

// redisConfig returns the configuration of a process that uses the Redis at url and has no tenants.
func redisConfig(t *testing.T, url string) config.Config {
	t.Helper()
	cfg := config.Default()
	cfg.Environment, cfg.Gateway.URL, cfg.Redis.URL = config.Custom, "http://127.0.0.1:1", url
	cfg.Archive.URL = "file://" + t.TempDir()
	cfg.HTTP.Addr = ""
	return cfg
}

func TestRedis_Volatile_IsRefusedWithTheRemedy(t *testing.T) {
	for _, c := range []struct {
		why  string
		args []string
		aof  bool
		want string
	}{
		{"it evicts", []string{"--maxmemory-policy", "allkeys-lru"}, true, "CONFIG SET maxmemory-policy noeviction"},
		{"it keeps nothing on disk", nil, false, "CONFIG SET appendonly yes"},
		{"it leaves writing to the system", []string{"--appendfsync", "no"}, true, "CONFIG SET appendfsync everysec"},
	} {
		t.Run(c.why, func(t *testing.T) {
			srv := redistest.StartWith(t, redisd.Options{AppendOnly: c.aof, Args: c.args})
			cfg := redisConfig(t, srv.URL())
			b, err := connect.Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			_, err = app.NewWorker(t.Context(), b, zerolog.Nop())
			var volatile *connect.VolatileError
			if !errors.As(err, &volatile) || !strings.Contains(err.Error(), c.want) ||
				!strings.Contains(err.Error(), "--allow-volatile-redis") {
				t.Errorf("NewWorker = %v, want a refusal that says %q", err, c.want)
			}
			b.Config.Redis.AllowVolatile = true
			if _, err := app.NewWorker(t.Context(), b, zerolog.Nop()); err != nil {
				t.Errorf("with allow_volatile the worker does not start: %v", err)
			}
		})
	}
}

// A managed Redis may forbid CONFIG. INFO also shows maxmemory-policy and appendonly, but not
// appendfsync.
func TestRedis_ConfigForbidden_InfoShowsThatItIsVolatile(t *testing.T) {
	for _, c := range []struct {
		why  string
		args []string
		aof  bool
		want string // in the refusal; "" means that this Redis keeps data safely
	}{
		{"it evicts", []string{"--maxmemory-policy", "allkeys-lru"}, true, "maxmemory-policy is allkeys-lru"},
		{"it keeps nothing on disk", nil, false, "appendonly is off"},
		{"it keeps data safely", nil, true, ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			srv := redistest.StartWith(t, redisd.Options{AppendOnly: c.aof, Args: append(c.args, "--rename-command", "CONFIG", "")})
			cfg := redisConfig(t, srv.URL())
			b, err := connect.Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			unknown, err := connect.CheckDurable(t.Context(), b.Redis)
			if c.want == "" {
				// INFO does not report appendfsync, so a person has to make sure.
				if !unknown || err != nil {
					t.Errorf("CheckDurable returned unknown %v and error %v, want unknown true and no error", unknown, err)
				}
				return
			}
			if _, volatile := errors.AsType[*connect.VolatileError](err); !volatile || !strings.Contains(err.Error(), c.want) {
				t.Errorf("CheckDurable returned unknown %v and error %v, want a refusal that says %q", unknown, err, c.want)
			}
			out, err := checkOutput(t, cfg)
			if !errors.Is(err, app.ErrCheck) || !strings.Contains(out, "FAULT  redis: this Redis may lose invoices: "+c.want) {
				t.Errorf("--check ends with %v, want a fault of Redis\n%s", err, out)
			}
		})
	}
}

func TestRedis_InfoAndConfigForbidden_DurabilityIsUnknown(t *testing.T) {
	srv := redistest.StartWith(t, redisd.Options{})
	if err := redistest.Client(t, srv).Do(t.Context(), "ACL", "SETUSER", "default", "-info", "-config").Err(); err != nil {
		t.Fatal(err)
	}
	b, err := connect.Open(t.Context(), redisConfig(t, srv.URL()))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if unknown, err := connect.CheckDurable(t.Context(), b.Redis); !unknown || err != nil {
		t.Errorf("CheckDurable returned unknown %v and error %v, want unknown true and no error", unknown, err)
	}
}

// A cluster answers CROSSSLOT to scripts. Without an earlier check, the errors would name the
// gateway or the limits.
func TestRedis_IsACluster_IsRefusedBeforeOtherFaultsAreReported(t *testing.T) {
	srv := redistest.StartWith(t, redisd.Options{AppendOnly: true, Args: []string{"--cluster-enabled", "yes"}})
	for _, url := range []string{srv.URL(), strings.TrimSuffix(srv.URL(), "/0") + "/1"} {
		cfg := redisConfig(t, url)
		_, err := connect.Open(t.Context(), cfg)
		if field, ok := errors.AsType[*config.FieldError](err); !ok || field.Field != "redis.url" ||
			!strings.Contains(err.Error(), "this Redis is a cluster") {
			t.Errorf("%s: Open = %v, want a fault of redis.url that says cluster", url, err)
		}
		out, err := checkOutput(t, cfg)
		if !errors.Is(err, app.ErrCheck) || !strings.Contains(out, "this Redis is a cluster") || strings.Contains(out, "gateway.url") {
			t.Errorf("%s: --check ends with %v, want the cluster as the only fault\n%s", url, err, out)
		}
	}
}

func TestRedis_NotReachable_SaysWhereAndWhatToDo(t *testing.T) {
	cfg := redisConfig(t, "redis://127.0.0.1:1/0")
	_, err := connect.Open(t.Context(), cfg)
	if !errors.Is(err, connect.ErrUnreachable) || !strings.Contains(err.Error(), "127.0.0.1:1") ||
		!strings.Contains(err.Error(), "redis.url") {
		t.Errorf("Open = %v, want ErrUnreachable with the address and the setting", err)
	}
}

func TestRedis_TLSAndACL_WrongPasswordOrUnknownCAIsRefused(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	srv := redistest.StartWith(t, redisd.Options{AppendOnly: true})
	plain := redistest.Client(t, srv)
	port := freePort(t)
	for _, set := range [][2]string{
		{"tls-cert-file", cert}, {"tls-key-file", key}, {"tls-ca-cert-file", cert}, {"tls-auth-clients", "no"}, {"tls-port", port},
	} {
		if err := plain.ConfigSet(t.Context(), set[0], set[1]).Err(); err != nil {
			t.Fatalf("CONFIG SET %s: %v", set[0], err)
		}
	}
	if err := plain.Do(t.Context(), "ACL", "SETUSER", "worker", "on", ">s3cret", "~*", "&*", "+@all").Err(); err != nil {
		t.Fatal(err)
	}
	good, wrong := filepath.Join(dir, "good"), filepath.Join(dir, "wrong")
	writeFile(t, good, "s3cret\n")
	writeFile(t, wrong, "guess\n")
	cfg := redisConfig(t, "rediss://127.0.0.1:"+port+"/0")
	cfg.Redis.Username, cfg.Redis.PasswordFile, cfg.Redis.TLS = "worker", good, config.RedisTLS{Enabled: true, CAFile: cert}
	b, err := connect.Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("with the right CA and password the error is %v, want none", err)
	}
	b.Close()
	for name, c := range map[string]struct {
		change func(*config.Redis)
		hint   string
	}{
		"a wrong password":         {func(r *config.Redis) { r.PasswordFile = wrong }, "redis.password_file"},
		"an authority not trusted": {func(r *config.Redis) { r.TLS.CAFile = "" }, "redis.tls"},
		"TLS at the plain port": {func(r *config.Redis) {
			r.URL = "rediss://" + strings.TrimPrefix(srv.URL(), "redis://")
		}, "use redis://"},
		"plain text at the TLS port": {func(r *config.Redis) {
			r.URL, r.TLS = "redis://127.0.0.1:"+port+"/0", config.RedisTLS{}
		}, "rediss://"},
	} {
		bad := cfg
		c.change(&bad.Redis)
		_, err := connect.Open(t.Context(), bad)
		if err == nil || strings.Contains(err.Error(), "guess") || !strings.Contains(err.Error(), c.hint) {
			t.Errorf("with %s the error is %v, want a refusal that names %s and not the password", name, err, c.hint)
		}
	}
}

// freePort returns a TCP port that is free now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// certificate writes a self-signed certificate for 127.0.0.1 and its key into dir.
func certificate(t *testing.T, dir string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "server of a test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeFile(t, certFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	writeFile(t, keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw})))
	return certFile, keyFile
}
