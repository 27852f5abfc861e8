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
	"time"

	"ksefworker/config"
	"ksefworker/internal/connect"
	"ksefworker/internal/ksef/gateway"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
)

// ErrCheck says that CheckAll found something that a person has to mend; what, was printed.
var ErrCheck = errors.New("the check found faults")

// checkTimeout bounds each part, so that one that hangs does not hide the others.
const checkTimeout = 15 * time.Second

// CheckAll tries every part that a worker needs and prints a line for each, with what to do about a
// fault. It sends one request for each tenant (KSeF's public key) and changes nothing that a worker
// could notice: in Redis it only reads, and what it puts into the archive to see whether that can
// be written is taken away again. The configuration itself was checked when it was loaded.
func CheckAll(ctx context.Context, cfg config.Config, out io.Writer) error {
	faults := 0
	say := func(what string, err error) {
		if err == nil {
			fmt.Fprintf(out, "ok     %s\n", what)
			return
		}
		faults++
		fmt.Fprintf(out, "FAULT  %s: %v\n", what, err)
	}
	say("configuration", nil)
	for _, w := range cfg.Warnings {
		fmt.Fprintf(out, "note   %s\n", w)
	}
	say("secret files", cfg.CheckFiles())
	for _, open := range cfg.OpenSecrets() {
		fmt.Fprintf(out, "note   %s\n", open)
	}
	spool := spoolDir(cfg.Packages.SpoolDir)
	say("spool folder "+spool, connect.CheckFolder("packages.spool_dir", spool))
	pool, err := connect.OpenForCheck(ctx, cfg)
	if err != nil {
		say("redis and archive", err)
		fmt.Fprintln(out, "note   gateway not asked: requests are counted in Redis")
		return ErrCheck
	}
	defer pool.Close()
	say("redis", checkRedisSettings(ctx, pool, out))
	say("ledger", checkHome(ctx, pool, out))
	say("storage", checkSeals(ctx, pool, out))
	if pool.Store == nil {
		fmt.Fprintf(out, "note   archive %s is not there yet: the first worker makes it\n", cfg.Archive.URL)
	} else {
		say("archive "+cfg.Archive.URL, bounded(ctx, pool.Store.Check))
	}
	if cfg.Validation.SchemaDir != "" {
		_, err := pool.Admitter()
		say("schemas", err)
	}
	if waiting, err := pool.Unserved(ctx); err == nil {
		for _, line := range waiting.Lines(20) {
			fmt.Fprintf(out, "note   %s\n", line)
		}
	}
	checkTenants(ctx, pool, say)
	if faults > 0 {
		return fmt.Errorf("%w: %d", ErrCheck, faults)
	}
	return nil
}

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
		fmt.Fprintln(out, "note   redis does not tell its settings: make sure that maxmemory-policy is noeviction and appendonly is on")
	}
	return errors.Join(err, checkReplicas(ctx, pool))
}

// checkReplicas compares what is connected with what is waited for. It writes nothing, so it cannot tell whether they lag.
func checkReplicas(ctx context.Context, pool *connect.Pool) error {
	connected, wanted, err := pool.Ledger.Replicas(ctx)
	if err != nil || connected >= wanted {
		return connect.IgnoreForbidden(err)
	}
	return fmt.Errorf("redis.wait_replicas is %d and %d are connected: nothing would be taken in or sent; start the replicas, or set it to what there is", wanted, connected)
}

func checkTenants(ctx context.Context, pool *connect.Pool, say func(string, error)) {
	limiter, err := pool.Limiter(ratelimit.NewRedis(pool.Redis, pool.Config.Redis.Prefix), nil)
	if err != nil {
		say("limits", err)
		return
	}
	for _, t := range pool.Config.Tenants {
		what := fmt.Sprintf("tenant %s at %s", t.Title(), pool.Config.BaseURL())
		switch {
		case wrongNIP(t.NIP) != "" && pool.Config.ChecksNIPs():
			say(what, errors.New(wrongNIP(t.NIP)))
		case t.Paused:
			say(what+" (paused by configuration)", nil)
		default:
			say(what, explainDoor(pool.Config.BaseURL(), bounded(ctx, func(ctx context.Context) error {
				client, err := newClient(pool, t, gateway.NewTransport(), readingGate{limiter, t.Title()})
				if err != nil {
					return err
				}
				defer client.CloseIdleConnections()
				_, err = client.PublicKey(ctx)
				return err
			})))
		}
	}
}

// explainDoor says what a person can do.
func explainDoor(url string, err error) error {
	if err == nil {
		return nil
	}
	if n, ok := errors.AsType[*ratelimit.NotNow](err); ok {
		return fmt.Errorf("%w; the gateway was not asked, so the key was not tried: check again in %s", err, n.Wait.Round(time.Second))
	}
	switch retry.Judge(err).Reason {
	case retry.ReasonCredentials:
		return fmt.Errorf("%w; compare key_id and the content of key_file with the gateway's account page", err)
	case retry.ReasonOutage, retry.ReasonLost:
		return fmt.Errorf("%w; %s", err, gatewayHint(err, url))
	}
	return err
}

// Healthcheck asks the worker of the same configuration on this machine for /healthz.
func Healthcheck(ctx context.Context, cfg config.Config) error {
	if cfg.HTTP.Addr == "" {
		return errors.New("http.addr is empty: this worker cannot be asked")
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

// ownCertificate trusts the certificate that the worker on this machine serves, and nothing else: its
// name is that of the host as others know it, and not 127.0.0.1.
func ownCertificate(t config.HTTPTLS) (*tls.Config, error) {
	served, err := t.Config()
	if err != nil {
		return nil, err
	}
	pair, err := served.GetCertificate(nil)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		InsecureSkipVerify: true, // and compared below instead
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || !bytes.Equal(raw[0], pair.Certificate[0]) {
				return errors.New("the worker serves another certificate than http.tls.cert_file holds")
			}
			return nil
		},
	}, nil
}
