package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"ksefworker/config"
	"ksefworker/internal/archive"
	"ksefworker/internal/connect"
)

// ErrCheck is returned when [CheckAll] found faults that a person has to correct. CheckAll has
// printed them.
var ErrCheck = errors.New("the check found faults")

// checkTimeout bounds the check of each part, so that a part that hangs does not hide the others.
const checkTimeout = 15 * time.Second

// CheckAll checks every part that a worker needs and prints a line for each, with what to do about
// a fault. For a tenant of the gateway it sends one request, for KSeF's public key. For a tenant
// that goes straight to KSeF it logs in, and asks what the tenant may do. It asks nothing for a
// tenant that is paused by configuration, or whose NIP has a wrong check digit where KSeF checks
// NIPs. It connects to the receivers of results and sends them nothing. It only reads in Redis and
// makes no folder, so no worker notices it. To test an archive that exists, it writes a small
// object and reads it. In a bucket this object stays; in a folder it is removed. The configuration
// itself was checked when it was loaded. CheckAll returns an error that wraps [ErrCheck] when there
// are faults.
func CheckAll(ctx context.Context, cfg config.Config, out io.Writer) error {
	faults := 0
	say := func(what string, err error) {
		if err == nil {
			fmt.Fprintf(out, "ok     %s\n", what)
			return
		}
		faults++
		for line := range strings.Lines(err.Error()) { // joined errors have a line each
			fmt.Fprintf(out, "FAULT  %s: %s\n", what, strings.TrimSuffix(line, "\n"))
		}
	}
	say("configuration", nil)
	for _, w := range cfg.Warnings {
		fmt.Fprintf(out, "note   %s\n", w)
	}
	say("secret files", cfg.CheckFiles())
	for _, open := range cfg.OpenSecrets() {
		fmt.Fprintf(out, "note   %s\n", open)
	}
	checkEnd(cfg.HTTP.TLS, say, out)
	checkIntake(cfg, say, out)
	spool := cfg.Packages.Spool()
	folder := func(what, setting, dir string) {
		proven, err := connect.CheckFolder(setting, dir)
		say(what, err)
		if err == nil && !proven {
			fmt.Fprintf(out, "note   %s: not proven that it can be written: its rights allow it, its file system may not\n", what)
		}
	}
	folder("spool folder "+spool, "packages.spool_dir", spool)
	checkReceivers(ctx, cfg, say, out)
	if o := cfg.HTTP.OIDC; o.Enabled() {
		say("logins at "+o.Issuer, bounded(ctx, func(ctx context.Context) error { return checkSignIn(ctx, cfg) }))
	}
	pool, err := connect.OpenAnyArchive(ctx, cfg)
	if err != nil {
		say("redis and archive", err)
		fmt.Fprintln(out, "note   gateway not checked: its requests are counted in Redis")
		return ErrCheck
	}
	defer pool.Close()
	say("redis", checkRedisSettings(ctx, pool, out))
	if err := checkRedisFolder(ctx, pool); err != nil {
		say("folders of results", err)
	}
	say("ledger", checkHome(ctx, pool, out))
	say("storage", checkSeals(ctx, pool, out))
	for _, s := range cfg.Results.AllStreams() {
		key := cfg.Redis.Prefix + s.Key()
		say("stream of results "+key, bounded(ctx, func(ctx context.Context) error { return checkStream(ctx, pool.Redis, key) }))
	}
	kept := bounded(ctx, pool.Store.Check)
	if errors.Is(kept, archive.ErrNoFolder) {
		fmt.Fprintf(out, "note   archive %s does not exist yet: the first worker makes it\n", cfg.Archive.URL)
		folder("archive "+cfg.Archive.URL, "archive.url", cfg.Archive.Folder())
	} else {
		say("archive "+cfg.Archive.URL, kept)
	}
	if waiting, err := pool.Unserved(ctx); err == nil {
		for _, line := range waiting.Lines(20) {
			fmt.Fprintf(out, "note   %s\n", line)
		}
	}
	checkTenants(ctx, pool, say, out)
	if faults > 0 {
		return fmt.Errorf("%w: %d", ErrCheck, faults)
	}
	return nil
}

// bounded calls f with a context that ends after checkTimeout.
func bounded(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return f(ctx)
}

func checkRedisSettings(ctx context.Context, pool *connect.Pool, out io.Writer) error {
	unknown, err := connect.CheckDurable(ctx, pool.Redis)
	var volatile *connect.VolatileError
	switch {
	case errors.As(err, &volatile) && pool.Config.Redis.AllowVolatile:
		fmt.Fprintf(out, "note   %v\n", err)
		err = nil
	case unknown && err == nil:
		fmt.Fprintln(out, "note   redis does not show all its settings: make sure that maxmemory-policy is noeviction, "+
			"appendonly is on, and appendfsync is everysec or always")
	}
	return errors.Join(err, checkReplicas(ctx, pool))
}

// checkReplicas compares the number of connected replicas with redis.wait_replicas. It cannot tell
// whether they lag, because that would need a write.
func checkReplicas(ctx context.Context, pool *connect.Pool) error {
	connected, wanted, err := pool.Ledger.Replicas(ctx)
	if err != nil || connected >= wanted {
		return connect.Unanswered(err)
	}
	return fmt.Errorf("redis.wait_replicas is %d and %d are connected: nothing would be taken in or sent; "+
		"start the replicas, or set it to their number", wanted, connected)
}

// Healthcheck calls /healthz of the worker with this configuration on this machine, and returns nil
// when it answers 200 within five seconds.
func Healthcheck(ctx context.Context, cfg config.Config) error {
	if cfg.HTTP.Addr == "" {
		return errors.New("http.addr is empty: this worker has no /healthz")
	}
	host, port, err := net.SplitHostPort(cfg.HTTP.Addr)
	if err != nil {
		return fmt.Errorf("read http.addr: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	scheme, client := "http://", &http.Client{}
	if cfg.HTTP.TLS.Enabled() {
		trusted, err := ownCertificate(cfg.HTTP.TLS)
		if err != nil {
			return err
		}
		scheme, client.Transport = "https://", &http.Transport{TLSClientConfig: trusted}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+net.JoinHostPort(host, port)+"/healthz", nil)
	if err != nil {
		return fmt.Errorf("ask for health: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("ask for health: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ask for health: the worker answered %s", resp.Status)
	}
	return nil
}

// ownCertificate returns a configuration that trusts the certificate in http.tls.cert_file and
// nothing else. The host name is not checked, because the certificate is for the name by which
// others know the host, and the check calls 127.0.0.1.
func ownCertificate(t config.HTTPTLS) (*tls.Config, error) {
	served, err := t.Config(nil)
	if err != nil {
		return nil, err
	}
	pair, err := served.GetCertificate(nil)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		InsecureSkipVerify: true, // the certificate is compared below instead
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || !bytes.Equal(raw[0], pair.Certificate[0]) {
				return errors.New("the worker serves a different certificate from the one in http.tls.cert_file")
			}
			return nil
		},
	}, nil
}
