package intake

import (
	"fmt"
	"slices"
	"strings"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// Account is a tenant as admission sees it. It has the tenant's name, the taxpayer in whose context
// it sends, and the size of the invoices that KSeF takes from it.
type Account struct {
	Name, NIP string
	// MaxBytes and MaxBytesWithAttachment bound the size of one invoice; 0 means KSeF's own limit.
	MaxBytes, MaxBytesWithAttachment int64
	// Corrections says that the tenant's way to KSeF takes technical corrections.
	Corrections bool
}

// sender is the account that sends an invoice, and the role that its taxpayer has in the invoice.
type sender struct {
	Account
	as ksef.SubjectType
}

// sender chooses the account that may send an invoice. KSeF takes an invoice in the context of the
// taxpayer that issues it. This is the seller or, with P_17 = 1, the buyer, who issues the invoice
// in the seller's name. It can also be a tax representative or bailiff, who is named in
// PodmiotUpowazniony. A tax representative or bailiff is never chosen automatically, because the
// seller may also send the invoice in its own context. The program that hands the document in has
// to name the tenant. In a wrong context KSeF would at best reject the invoice (code 410), so an
// invoice whose sender is not certain is refused.
func (a *Admitter) sender(h invoice.Header, name string) (sender, error) {
	issuer, as, whose := h.SellerNIP, ksef.Subject1, "seller"
	if h.SelfBilling {
		issuer, as, whose = h.BuyerNIP, ksef.Subject2, "buyer"
		if issuer == "" {
			return sender{}, &RefusedError{
				Rule: "P_17 is 1 (self-billing) and Podmiot2 has no NIP: " +
					"a buyer abroad issues such an invoice in a context of its own kind, which is not supported yet",
				Hint: "if the seller issued the invoice, P_17 must be 2",
			}
		}
	}
	if name != "" {
		return a.named(h, name, issuer, as)
	}
	found := a.ofNIP(issuer)
	switch {
	case len(found) == 1:
		return sender{found[0], as}, nil
	case len(found) > 1:
		return sender{}, &RefusedError{
			Rule: fmt.Sprintf("%s NIP %s has several tenants: %s", whose, issuer, namesOf(found)),
			Hint: a.NamedBy.sayWhich(), Remedy: ledger.RemedyNameTenant,
		}
	case h.SelfBilling && len(a.ofNIP(h.SellerNIP)) > 0:
		return sender{}, notTheSellers(h)
	}
	if agents := a.ofNIP(h.AuthorisedNIP); len(agents) > 0 {
		rule := fmt.Sprintf("no tenant is configured for %s NIP %s, and %s is its PodmiotUpowazniony", whose, issuer, namesOf(agents))
		if a.confined {
			rule = fmt.Sprintf("none of your tenants is %s NIP %s, and %s is its PodmiotUpowazniony", whose, issuer, namesOf(agents))
		}
		return sender{}, &RefusedError{Rule: rule, Remedy: ledger.RemedyNameTenant,
			Hint: a.NamedBy.saySo()}
	}
	return sender{}, noTenant(whose, issuer, a.confined)
}

// noTenant returns an error that says that no tenant is the issuer. A program that sees only some
// of the tenants is not told whether another tenant is the issuer. Otherwise it could learn whose
// invoices are sent here.
func noTenant(whose, issuer string, confined bool) error {
	if confined {
		return &RefusedError{
			Rule:   fmt.Sprintf("none of your tenants is %s NIP %s", whose, issuer),
			Hint:   "ask whoever runs this service: tenants lists those that are configured, and intake.clients those that are yours",
			Remedy: ledger.RemedyConfigure,
		}
	}
	return &RefusedError{
		Rule: fmt.Sprintf("no tenant is configured for %s NIP %s", whose, issuer),
		Hint: "add it to tenants in the configuration, with its key", Remedy: ledger.RemedyConfigure,
	}
}

// named returns the tenant of this name when it may send the invoice.
func (a *Admitter) named(h invoice.Header, name, issuer string, as ksef.SubjectType) (sender, error) {
	for _, t := range a.Accounts {
		switch {
		case t.Name != name:
		case t.NIP == issuer:
			return sender{t, as}, nil
		case h.SelfBilling && t.NIP == h.SellerNIP:
			return sender{}, notTheSellers(h)
		case !h.SelfBilling && t.NIP == h.AuthorisedNIP:
			return sender{t, ksef.SubjectAuthorized}, nil
		default:
			hint, remedy := a.whoSends(h, issuer)
			return sender{}, &RefusedError{
				Rule: fmt.Sprintf("tenant %s sends in the context of NIP %s, and this invoice is issued by NIP %s", name, t.NIP, issuer),
				Hint: hint, Remedy: remedy,
			}
		}
	}
	rule := fmt.Sprintf("no tenant is named %s", name)
	if a.confined {
		rule = fmt.Sprintf("none of your tenants is named %s", name)
	}
	return sender{}, &RefusedError{Rule: rule, Hint: "the names are: " + namesOf(a.Accounts), Remedy: ledger.RemedyOtherName}
}

// whoSends returns a hint about who may send an invoice when the named tenant may not, and what
// ends the refusal.
func (a *Admitter) whoSends(h invoice.Header, issuer string) (string, ledger.Remedy) {
	switch found := a.ofNIP(issuer); {
	case len(found) > 1:
		return "name a tenant of that NIP: " + namesOf(found), ledger.RemedyNameTenant
	case len(found) == 1:
		return a.NamedBy.leaveOut(namesOf(found)), ledger.RemedyOtherName
	}
	if agents := a.ofNIP(h.AuthorisedNIP); len(agents) > 0 && !h.SelfBilling {
		return a.NamedBy.agents(namesOf(agents)), ledger.RemedyNameTenant
	}
	if a.confined {
		return "none of your tenants has that NIP: ask whoever runs this service", ledger.RemedyConfigure
	}
	return "no tenant of that NIP is configured: add it to tenants in the configuration, with its key", ledger.RemedyConfigure
}

func notTheSellers(h invoice.Header) error {
	return &RefusedError{
		Rule: fmt.Sprintf("P_17 is 1 (self-billing): the buyer issues this invoice, "+
			"so KSeF takes it in the context of buyer NIP %s only, not in that of seller NIP %s",
			h.BuyerNIP, h.SellerNIP),
		Hint:   "let the buyer hand it in, or add a tenant for the buyer's NIP; if the seller issued it, P_17 must be 2",
		Remedy: ledger.RemedyConfigure,
	}
}

func (a *Admitter) ofNIP(nip string) []Account { return withNIP(a.Accounts, nip) }

func withNIP(accounts []Account, nip string) []Account {
	var found []Account
	for _, t := range accounts {
		if nip != "" && t.NIP == nip {
			found = append(found, t)
		}
	}
	return found
}

// TenantOf returns the name of the account that given stands for. given is the name of an account,
// or its NIP if no other account has that NIP. If given is neither, TenantOf returns it unchanged.
func TenantOf(accounts []Account, given string) string {
	if slices.ContainsFunc(accounts, func(a Account) bool { return a.Name == given }) {
		return given
	}
	if found := withNIP(accounts, given); len(found) == 1 {
		return found[0].Name
	}
	return given
}

func namesOf(accounts []Account) string {
	names := make([]string, len(accounts))
	for i, t := range accounts {
		names[i] = t.Name
	}
	return strings.Join(names, ", ")
}

// largest returns the size in bytes of the largest document that any tenant may hand in.
func (a *Admitter) largest() int64 {
	size := int64(invoice.MaxSize)
	for _, t := range a.Accounts {
		size = max(size, t.MaxBytes, t.MaxBytesWithAttachment)
	}
	return size
}

// Only returns an admitter that takes what a takes, but only for the tenants with these names. Both
// admitters may be used at the same time.
func (a *Admitter) Only(names []string) *Admitter {
	only := &Admitter{
		Ledger: a.Ledger, Queue: a.Queue, Bodies: a.Bodies, Store: a.Store, Check: a.Check,
		AllowDiscouraged: a.AllowDiscouraged, Retention: a.Retention, Now: a.Now,
		IntakeBelow: a.IntakeBelow, NamedBy: a.NamedBy, Enqueue: a.Enqueue, Trail: a.Trail, timeout: a.timeout, confined: true,
	}
	for _, account := range a.Accounts {
		if slices.Contains(names, account.Name) {
			only.Accounts = append(only.Accounts, account)
		}
	}
	return only
}

// mayChange reports whether the terms of an invoice of this tenant may be changed. An admitter made
// by [Admitter.Only] meets invoices of other tenants when somebody hands their documents in.
func (a *Admitter) mayChange(tenant string) bool {
	return !a.confined || slices.ContainsFunc(a.Accounts, func(t Account) bool { return t.Name == tenant })
}
