package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"ksefworker/config"
	"ksefworker/internal/connect"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
)

// checkTenants tries each tenant's way to KSeF once. It skips a tenant that is paused by
// configuration, or whose NIP has a wrong check digit where KSeF checks NIPs.
func checkTenants(ctx context.Context, pool *connect.Pool, say func(string, error), out io.Writer) {
	limiter, err := pool.Limiter(ratelimit.NewRedis(pool.Redis, pool.Config.Redis.Prefix), nil)
	if err != nil {
		say("limits", err)
		return
	}
	for _, t := range pool.Config.Tenants {
		address := pool.Config.AddressOf(t)
		what := fmt.Sprintf("tenant %s at %s", t.Title(), address)
		gate := readingGate{limiter, t.Title()}
		switch {
		case wrongNIP(t.NIP) != "" && pool.Config.ChecksNIPs():
			say(what, errors.New(wrongNIP(t.NIP)))
		case t.Paused:
			say(what+" (paused by configuration)", nil)
		case t.Way() == config.DirectTransport:
			checkDirect(ctx, pool.Config, t, gate, say, out)
		default:
			say(what, explainAddress(t, address, bounded(ctx, func(ctx context.Context) error {
				client, err := connect.Gateway(pool.Config, t, connect.ClientOptions{Gate: gate})
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

// explainAddress adds to an error of the gateway or of KSeF what a person can do about it.
func explainAddress(t config.Tenant, url string, err error) error {
	if err == nil {
		return nil
	}
	if n, ok := errors.AsType[*ratelimit.NotNow](err); ok {
		what := "the key was not tried"
		if t.Way() == config.DirectTransport {
			what = "its credentials were not tried"
		}
		return fmt.Errorf("%w; no request was sent, so %s: check again in %s", err, what, n.Wait.Round(time.Second))
	}
	if e, ok := errors.AsType[*ksef.APIError](err); ok && e.Advice != "" {
		return err
	}
	switch retry.Judge(err).Reason {
	case retry.ReasonCredentials:
		if t.Way() == config.DirectTransport {
			return fmt.Errorf("%w; compare the environment and the files of the tenant (%s)", err, settingsOf(t))
		}
		return fmt.Errorf("%w; compare key_id and the content of key_file with the gateway's account page", err)
	case retry.ReasonOutage, retry.ReasonLost:
		return fmt.Errorf("%w; %s", err, addressHint(err, url, string(t.Way())+".url"))
	}
	return err
}
