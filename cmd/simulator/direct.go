package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/limits"
	"ksefworker/internal/simulator/login"
	"ksefworker/internal/simulator/ministry"
)

// directFlags configure the second address of the simulator. There the simulator answers like the
// Ministry's own API.
type directFlags struct {
	Addr        string        `help:"Also answer the Ministry's own API on this address, under /v2; port 0 takes a free one."`
	Token       []string      `sep:"none" placeholder:"NIP:FILE[:PERMISSIONS]" help:"${token_help}"`
	Grant       []string      `sep:"none" placeholder:"SUBJECT:NIP:PERMISSIONS" help:"${direct_grant_help}"`
	Rate        []string      `placeholder:"NIP:GROUP:S/M/H" help:"${rate_help}"`
	LoginDelay  time.Duration `default:"200ms" help:"How long a login, a new token and a request for a certificate are processed."`
	AccessLife  time.Duration `default:"15m" help:"How long an access token lives."`
	RefreshLife time.Duration `default:"168h" help:"How long a refresh token lives."`
	ReceiptLife time.Duration `default:"72h" help:"How long the pre-signed address of a UPO works."`
	OnlyIssued  bool          `help:"Refuse certificates that KSeF has not issued, as the demo and production environments do."`
	Novelty     float64       `default:"0.2" help:"Probability of a field that no contract has; an unknown value is a tenth as likely."`
	BaseURL     string        `name:"base-url" help:"Where pre-signed addresses lead; by default to the address that the client used."`
}

// options returns the options that the flags describe. The error names every fault at once.
func (f directFlags) options() (ministry.Options, error) {
	o := ministry.Options{
		Lives:      login.Lives{Access: f.AccessLife, Refresh: f.RefreshLife},
		LoginDelay: f.LoginDelay, ReceiptLife: f.ReceiptLife, OnlyIssued: f.OnlyIssued, Novelty: f.Novelty,
		BaseURL: strings.TrimSuffix(f.BaseURL, "/"),
	}
	var errs []error
	if f.Addr == "" && len(f.Token)+len(f.Grant)+len(f.Rate) > 0 {
		errs = append(errs, errors.New("read --direct-token, --direct-grant and --direct-rate: they need --direct-addr"))
	}
	for _, text := range f.Token {
		token, err := readToken(text)
		errs = append(errs, err)
		o.Tokens = append(o.Tokens, token)
	}
	for _, text := range f.Grant {
		grant, err := readGrant(text)
		errs = append(errs, err)
		o.Grants = append(o.Grants, grant)
	}
	for _, text := range f.Rate {
		allowance, err := readRate(text)
		errs = append(errs, err)
		o.Allowances = append(o.Allowances, allowance)
	}
	return o, errors.Join(errs...)
}

// readToken takes NIP:FILE or NIP:FILE:PERMISSIONS.
func readToken(text string) (ministry.Token, error) {
	parts, secret, err := readSecret("token", "NIP:FILE[:PERMISSIONS]", text)
	if err != nil {
		return ministry.Token{}, err
	}
	token := ministry.Token{NIP: parts[0], Secret: secret}
	if len(parts) == 3 {
		token.Permissions = strings.Split(parts[2], ",")
	}
	return token, nil
}

// readGrant takes SUBJECT:NIP:PERMISSIONS. The subject is a NIP, a PESEL or the fingerprint of a
// certificate; its length tells which.
func readGrant(text string) (login.Grant, error) {
	parts := strings.Split(text, ":")
	kinds := map[int]string{10: "Nip", 11: "Pesel", 64: "Fingerprint"}
	if len(parts) != 3 || kinds[len(parts[0])] == "" {
		return login.Grant{}, fmt.Errorf("read grant %q: not SUBJECT:NIP:PERMISSIONS with a NIP, a PESEL or a fingerprint", text)
	}
	return login.Grant{
		Subject: login.Identity{Type: kinds[len(parts[0])], Value: strings.ToUpper(parts[0])},
		Context: login.Context{Type: "Nip", Value: parts[1]}, Permissions: strings.Split(parts[2], ","),
	}, nil
}

// readRate takes NIP:GROUP:S/M/H, in which -1 means no limit.
func readRate(text string) (ministry.Allowance, error) {
	parts := strings.Split(text, ":")
	numbers := strings.Split(parts[len(parts)-1], "/")
	if len(parts) != 3 || len(numbers) != 3 {
		return ministry.Allowance{}, fmt.Errorf("read rate %q: not NIP:GROUP:S/M/H", text)
	}
	a := ministry.Allowance{NIP: parts[0], Group: parts[1]}
	for i, to := range []*int{&a.Limits.Second, &a.Limits.Minute, &a.Limits.Hour} {
		n, err := strconv.Atoi(numbers[i])
		if err != nil || n < limits.NoLimit {
			return a, fmt.Errorf("read rate %q: %q is neither a number nor -1", text, numbers[i])
		}
		*to = n
	}
	return a, nil
}

// face makes the part of a simulator that answers like the Ministry's own API.
func (f directFlags) face(s *simulator.Simulator) (*ministry.Ministry, error) {
	o, err := f.options()
	if err != nil {
		return nil, err
	}
	return ministry.New(s, o)
}
