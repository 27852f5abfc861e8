//go:build unix

package chaos

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"ksefworker/config"
	"ksefworker/internal/enrol"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/login"
	"ksefworker/internal/simulator/ministry"
	"ksefworker/internal/testbed"
)

// Every second tenant goes straight to KSeF: the first of them with a token, the next with a
// certificate, and so on. All of them share one set of books.

// direct reports whether a tenant goes straight to KSeF, and whether it logs in by a certificate.
func (o Options) direct(nip string) (direct, byCertificate bool) {
	for i := range o.Tenants {
		if sample.NIP(i) == nip {
			return i%2 == 1, i%4 == 3
		}
	}
	return false, false
}

// ministry configures the simulator's copy of KSeF's own API. Tokens live for seconds, so that a
// run has many refreshes and logins.
func (o Options) ministry() *ministry.Options {
	m := &ministry.Options{
		LoginDelay: 200 * time.Millisecond, Novelty: 0.1,
		Lives: login.Lives{Access: 12 * time.Second, Refresh: 40 * time.Second},
	}
	for i := range o.Tenants {
		nip := sample.NIP(i)
		if direct, certificate := o.direct(nip); direct && !certificate {
			m.Tokens = append(m.Tokens, testbed.Tokens(nip)...)
		}
	}
	return m
}

// goDirect changes the configuration for the tenants that go straight to KSeF.
func (r *run) goDirect(c *config.Config) error {
	for _, t := range c.Tenants {
		direct, certificate := r.o.direct(t.NIP)
		switch {
		case certificate:
			r.bed.GoDirectByCertificate(c, t.NIP)
		case direct:
			if err := r.bed.GoDirect(c, t.NIP); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeCertificates makes the certificates that the configuration names.
func (r *run) makeCertificates(c config.Config) error {
	for _, t := range c.Tenants {
		if !t.LogsInByCertificate() {
			continue
		}
		if _, err := enrol.SelfSigned(c, t, "", 24*time.Hour, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// directFaults are the faults that only the Ministry's API has, or that mean something else there.
// Each strikes one of the tenants that go straight to KSeF.
func (o Options) directFaults() []func(*rand.Rand) simulator.Fault {
	one := func(f simulator.Fault) func(*rand.Rand) simulator.Fault {
		return func(d *rand.Rand) simulator.Fault {
			f := f
			f.NIP = sample.NIP(1 + 2*d.IntN(max(1, o.Tenants/2)))
			if f.Kind == simulator.LoginStuck {
				f.For = time.Duration(1+d.IntN(4)) * time.Second
			}
			return f
		}
	}
	if o.Tenants < 2 {
		return nil
	}
	return []func(*rand.Rand) simulator.Fault{
		one(simulator.Fault{Kind: simulator.Status, On: simulator.OpRefresh, Code: 500}),
		one(simulator.Fault{Kind: simulator.LoginStuck}),
		one(simulator.Fault{Kind: simulator.LoginRefused, Code: 550}),
		one(simulator.Fault{Kind: simulator.DropAnswer, On: simulator.OpRedeem}),
		one(simulator.Fault{Kind: simulator.TokenExpired, On: "invoices"}),
		one(simulator.Fault{Kind: simulator.TokenExpired, On: "send"}),
		one(simulator.Fault{Kind: simulator.Refused, On: "sessionStatus", Code: 21173}),
		one(simulator.Fault{Kind: simulator.Refused, On: "send", Code: 21173}),
		one(simulator.Fault{Kind: simulator.Refused, On: "send", Code: 21184}),
		one(simulator.Fault{Kind: simulator.Refused, On: "send", Code: 21155}),
		one(simulator.Fault{Kind: simulator.Error500, On: "close"}),
		one(simulator.Fault{Kind: simulator.Status, On: "close", Code: 403}),
		one(simulator.Fault{Kind: simulator.Status, On: "openBatch", Code: 403}),
		one(simulator.Fault{Kind: simulator.KeyRotated, On: "openBatch"}),
		one(simulator.Fault{Kind: simulator.KeyRotated, On: "openOnline"}),
	}
}

// checkWays checks that each tenant was served by the API that it uses, and that KSeF's own API has
// accepted invoices if any tenant goes straight to KSeF. It counts those invoices in f.
func (au *auditor) checkWays(f *Figures, books simulator.Books) []error {
	var errs []error
	for _, s := range books.Sessions {
		through := strings.HasPrefix(s.Account, ministry.AccountPrefix)
		if through {
			f.Direct += s.Accepted
		}
		if direct, _ := au.o.direct(s.NIP); s.Accepted > 0 && direct != through {
			errs = append(errs, fmt.Errorf("session %s of %s is of account %s", s.ID, s.NIP, s.Account))
		}
	}
	if f.Direct == 0 && au.o.Tenants > 1 {
		errs = append(errs, fmt.Errorf("nothing was accepted straight by KSeF"))
	}
	return errs
}

// secrets are what must never be in a log: the gateway's key, KSeF tokens, bearer tokens (a JWT
// begins with eyJ), private keys, and signatures of pre-signed addresses.
func (o Options) secrets() []string {
	all := []string{testbed.Key, "eyJ", "PRIVATE KEY", "sig="}
	for i := range o.Tenants {
		all = append(all, testbed.Token(sample.NIP(i)))
	}
	return all
}
