package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"ksefworker/config"
	"ksefworker/internal/connect"
	"ksefworker/internal/enrol"
	"ksefworker/internal/ksef/direct"
)

type certificateCmd struct {
	SelfSigned selfSignedCmd `cmd:"" name:"self-signed" help:"${certificate_self}"`
	Request    requestCmd    `cmd:"" help:"${certificate_request}"`
	Status     enrolledCmd   `cmd:"" help:"Ask KSeF for the state of the request for a certificate."`
	Fetch      enrolledCmd   `cmd:"" help:"${certificate_fetch}"`

	sub string // name of the subcommand, such as "fetch"
}

type selfSignedCmd struct {
	Name   string `help:"Name of the company in the certificate." placeholder:"TEXT"`
	Days   int    `default:"365" help:"How long it is valid, 1 to 730." placeholder:"N"`
	Tenant string `arg:"" name:"TENANT" help:"Tenant of the configuration, by name or NIP."`
}

type requestCmd struct {
	Name   string `help:"Name of the certificate in KSeF's lists, 5 to 100 characters." placeholder:"TEXT"`
	Dir    string `help:"${certificate_dir}" placeholder:"DIR"`
	Tenant string `arg:"" name:"TENANT" help:"Tenant of the configuration, by name or NIP."`
}

type enrolledCmd struct {
	Dir    string `help:"${certificate_dir}" placeholder:"DIR"`
	Tenant string `arg:"" name:"TENANT" help:"Tenant of the configuration, by name or NIP."`
}

// configAlone implements the interface of that name, because these commands need only the
// configuration.
func (c *certificateCmd) configAlone() {}

func (c *certificateCmd) run(ctx context.Context, p *program) error {
	switch c.sub {
	case "self-signed":
		return c.SelfSigned.run(p)
	case "request":
		return c.Request.run(ctx, p)
	case "status":
		return c.Status.status(ctx, p)
	}
	return c.Fetch.fetch(ctx, p)
}

func (c *selfSignedCmd) run(p *program) error {
	if c.Days < 1 || c.Days > 730 {
		return &usageError{what: fmt.Sprintf("--days %d is not between 1 and 730", c.Days)}
	}
	t, err := p.directTenant(c.Tenant)
	if err != nil {
		return err
	}
	cert, err := enrol.SelfSigned(p.cfg, t, c.Name, time.Duration(c.Days)*24*time.Hour, time.Now())
	if err != nil {
		return &usageError{what: err.Error()}
	}
	p.out.println(describeCertificate(t.CertificateFile, cert))
	p.out.println("key in " + t.PrivateKeyFile)
	p.say("only KSeF's test environment takes this certificate; worker --check logs in with it")
	return nil
}

func (c *requestCmd) run(ctx context.Context, p *program) error {
	return p.loggedIn(ctx, c.Tenant, true, func(t config.Tenant, a direct.Account) error {
		name := c.Name
		if name == "" {
			name = "ksefworker " + t.NIP
		}
		reference, err := enrol.Request(ctx, p.cfg, t, a, name, absolute(c.Dir))
		if err != nil {
			return err
		}
		p.out.println("requested under " + reference)
		p.say("next: %s", p.command("certificate", append([]string{"fetch", c.Tenant}, dirFlag(c.Dir)...)...))
		return nil
	})
}

func (c *enrolledCmd) status(ctx context.Context, p *program) error {
	return p.loggedIn(ctx, c.Tenant, true, func(t config.Tenant, a direct.Account) error {
		e, err := enrol.Status(ctx, p.cfg, t, a, absolute(c.Dir))
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%d %s", e.Status.Code, oneLine(e.Status.Description))
		if e.SerialNumber != "" {
			line += ", certificate " + oneLine(e.SerialNumber)
		}
		p.out.println(line)
		return nil
	})
}

func (c *enrolledCmd) fetch(ctx context.Context, p *program) error {
	return p.loggedIn(ctx, c.Tenant, true, func(t config.Tenant, a direct.Account) error {
		cert, installed, err := enrol.Fetch(ctx, p.cfg, t, a, absolute(c.Dir))
		if errors.Is(err, enrol.ErrNotReady) {
			p.say("%v; run this command again in a minute", err)
			return errSome
		}
		if err != nil {
			return err
		}
		where := absolute(c.Dir)
		if installed {
			where = t.CertificateFile
		}
		p.out.println(describeCertificate(where, cert))
		if installed {
			p.say("the certificate is installed; running workers need no restart, and the previous files are kept as .previous")
		}
		return nil
	})
}

func describeCertificate(where string, cert *x509.Certificate) string {
	return fmt.Sprintf("certificate of %s in %s, valid until %s", oneLine(cert.Subject.String()), where,
		cert.NotAfter.UTC().Format(time.DateOnly))
}

func dirFlag(dir string) []string {
	if dir == "" {
		return nil
	}
	return []string{"--dir", dir}
}

// absolute makes a path absolute. It keeps "", which means no folder.
func absolute(dir string) string {
	if dir == "" {
		return ""
	}
	if full, err := filepath.Abs(dir); err == nil {
		return full
	}
	return dir
}

// directTenant returns a tenant that goes to KSeF itself.
func (p *program) directTenant(name string) (config.Tenant, error) {
	t, err := p.tenant("tenant ", name)
	if err == nil && t.Way() != config.DirectTransport {
		err = &usageError{what: fmt.Sprintf("tenant %s goes through the gateway, which has keys of its own", t.Title()),
			hint: "set transport: direct for it (docs/direct.md)"}
	}
	return t, err
}

// loggedIn logs a tenant in, calls f, and ends the login. byCertificate is true when KSeF takes the
// request only after a login by certificate.
func (p *program) loggedIn(ctx context.Context, tenant string, byCertificate bool, f func(config.Tenant, direct.Account) error) error {
	t, err := p.directTenant(tenant)
	if err != nil {
		return err
	}
	if byCertificate && !t.LogsInByCertificate() {
		return &usageError{what: fmt.Sprintf("tenant %s logs in by a token; KSeF gives certificates after a login by signature only",
			t.Title()),
			hint: "use a configuration in which it has certificate_file and private_key_file"}
	}
	credentials := connect.NewCredentials(t, nil)
	if err := credentials.Fault(); err != nil {
		return &usageError{what: err.Error()}
	}
	way, err := connect.OpenDirect(p.cfg, t, credentials, connect.ClientOptions{
		Warn: func(_ context.Context, op, warning string) { p.say("KSeF warns (%s): %s", op, warning) }})
	if err != nil {
		return err
	}
	defer way.CloseIdleConnections()
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = way.Close(last) // if this fails, the login expires by itself
	}()
	return f(t, way.Account(way.Session))
}
