package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"ksefworker/config"
	"ksefworker/internal/enrol"
	"ksefworker/internal/ksef/direct"
)

type tokenCmd struct {
	Create createTokenCmd `cmd:"" help:"${token_create}"`
	Revoke revokeTokenCmd `cmd:"" help:"Revoke a token by the reference that create printed."`

	sub string // name of the subcommand, such as "revoke"
}

type createTokenCmd struct {
	Out         string   `required:"" help:"File for the token. It must not exist." placeholder:"FILE"`
	Description string   `help:"What it is for, 5 to 256 characters." placeholder:"TEXT"`
	Permission  []string `help:"What it may do: InvoiceWrite and InvoiceRead by default." placeholder:"NAME"`
	Tenant      string   `arg:"" name:"TENANT" help:"Tenant of the configuration, by name or NIP."`
}

type revokeTokenCmd struct {
	Tenant    string `arg:"" name:"TENANT" help:"Tenant of the configuration, by name or NIP."`
	Reference string `arg:"" name:"REFERENCE" help:"The token's reference."`
}

// configAlone implements the interface of that name, because these commands need only the
// configuration.
func (c *tokenCmd) configAlone() {}

func (c *tokenCmd) run(ctx context.Context, p *program) error {
	if c.sub == "revoke" {
		return p.loggedIn(ctx, c.Revoke.Tenant, false, func(_ config.Tenant, a direct.Account) error {
			if err := a.RevokeToken(ctx, c.Revoke.Reference); err != nil {
				return err
			}
			p.out.println("revoked " + oneLine(c.Revoke.Reference))
			return nil
		})
	}
	return c.Create.run(ctx, p)
}

func (c *createTokenCmd) run(ctx context.Context, p *program) error {
	if _, err := os.Stat(c.Out); err == nil {
		return &usageError{what: c.Out + " exists, and nothing is overwritten", hint: "name another file"}
	}
	permissions := c.Permission
	if len(permissions) == 0 {
		permissions = []string{"InvoiceWrite", "InvoiceRead"}
	}
	return p.loggedIn(ctx, c.Tenant, false, func(t config.Tenant, a direct.Account) error {
		description := c.Description
		if description == "" {
			description = "ksefworker " + t.NIP
		}
		reference, err := enrol.CreateToken(ctx, a, permissions, description, c.Out)
		if reference != "" {
			p.out.println(fmt.Sprintf("token %s in %s, may %s", reference, c.Out, strings.Join(permissions, ", ")))
			p.say("to revoke it: %s", p.command("token", "revoke", c.Tenant, reference))
		}
		return err
	})
}
