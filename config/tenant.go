package config

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// Tenant is one account at the gateway: the credentials of one taxpayer, its own request limits.
type Tenant struct {
	// NIP is the tax number in whose context KSeF sees what this account sends, ten digits. Several
	// tenants may have the same one. The check digit is not looked at here.
	NIP string `yaml:"nip" env:"NIP"`
	// KeyID is the public half of the gateway's API key.
	KeyID string `yaml:"key_id" env:"KEY_ID"`
	// KeyFile holds the secret half, nothing else; one newline at its end is dropped. KSEF_KEY_FILE_<NIP> sets it too.
	KeyFile string `yaml:"key_file" env:"KEY_FILE"`
	// Name by which the tenant is known in the ledger, limits, logs, metrics and on the command line,
	// no two alike; empty means the NIP. Changing it leaves what waits under the old name behind.
	Name string `yaml:"name" env:"NAME"`
	// Limits are this taxpayer's own request limits; 0 means as in limits.groups.
	Limits Groups `yaml:"limits" envPrefix:"LIMITS_"`
	// MaxInvoiceSize is the largest invoice without attachment; 0 means KSeF's 1MB, else 1kB to 20MB.
	MaxInvoiceSize Size `yaml:"max_invoice_size" env:"MAX_INVOICE_SIZE"`
	// MaxInvoiceSizeWithAttachment is the largest with one; 0 means KSeF's 3MB, or MaxInvoiceSize
	// when that is more; else 1kB to 20MB.
	MaxInvoiceSizeWithAttachment Size `yaml:"max_invoice_size_with_attachment" env:"MAX_INVOICE_SIZE_WITH_ATTACHMENT"`
	// MaxSessionInvoices is how many KSeF takes of this taxpayer in one session; 0 means its
	// 10,000, else 1 to 100,000.
	MaxSessionInvoices int `yaml:"max_session_invoices" env:"MAX_SESSION_INVOICES"`
	// Paused keeps this taxpayer's invoices in the ledger and sends nothing.
	Paused bool `yaml:"paused" env:"PAUSED"`
}

// Key reads the secret half of the API key, anew each time, so that a rotated key needs no restart. The error names the file and what
// to do about it, never the content. Safe for concurrent use.
func (t Tenant) Key() (string, error) {
	if t.KeyFile == "" {
		return "", fmt.Errorf("read API key of tenant %s: no key_file is set; set tenants[].key_file or KSEF_KEY_FILE_%s", t.Title(), t.NIP)
	}
	return readSecret("API key of tenant "+t.Title(), t.KeyFile)
}

// KSeF's limits of one invoice and one session ("KSeF limits, September 2026"), and the most that a
// tenant's own may be: twice what the Ministry's test environment lets anybody ask for.
const (
	ksefInvoice               Size = MB
	ksefInvoiceWithAttachment Size = 3 * MB

	maxInvoiceSize     = 20 * MB
	maxSessionInvoices = 100_000
)

// InvoiceSize is the largest invoice in bytes that KSeF takes of this taxpayer.
func (t Tenant) InvoiceSize(attachment bool) int64 {
	plain := cmp.Or(t.MaxInvoiceSize, ksefInvoice)
	if !attachment {
		return int64(plain)
	}
	return int64(cmp.Or(t.MaxInvoiceSizeWithAttachment, max(plain, ksefInvoiceWithAttachment)))
}

// SessionInvoices is how many invoices KSeF takes of this taxpayer in one session.
func (t Tenant) SessionInvoices() int { return cmp.Or(t.MaxSessionInvoices, ksefInvoices) }

// LargestInvoice is the largest document in bytes that KSeF takes of any of the tenants.
func (c Config) LargestInvoice() int64 {
	largest := int64(0)
	for _, t := range c.Tenants {
		largest = max(largest, t.InvoiceSize(false), t.InvoiceSize(true))
	}
	return cmp.Or(largest, int64(ksefInvoiceWithAttachment))
}

// sessionInvoices is the most that KSeF takes of any of the tenants in one session.
func (c Config) sessionInvoices() int {
	most := 0
	for _, t := range c.Tenants {
		most = max(most, t.SessionInvoices())
	}
	return cmp.Or(most, ksefInvoices)
}

// Title is Name, or the NIP: what the tenant is called wherever one is named.
func (t Tenant) Title() string {
	if t.Name != "" {
		return t.Name
	}
	return t.NIP
}

func (c *Config) checkTenants(f *faults) {
	if len(c.Tenants) == 0 {
		f.add("tenants", "", errors.New("is empty: at least one taxpayer with nip, key_id and key_file is needed"))
	}
	titles := map[string]int{}
	for i, t := range c.Tenants {
		at := fmt.Sprintf("tenants[%d].", i)
		if !isNIP(t.NIP) {
			f.add(at+"nip", t.NIP, errors.New("must be ten digits without dashes"))
		}
		first, twice := titles[t.Title()]
		switch {
		case twice && t.Name == "":
			f.add(at+"nip", t.NIP, fmt.Errorf("is the NIP of tenants[%d] already: give this one a name of its own", first))
		case twice:
			f.add(at+"name", t.Name, fmt.Errorf("is the name of tenants[%d] already: each tenant needs its own", first))
		case isNIP(t.Name) && t.Name != t.NIP:
			f.add(at+"name", t.Name, errors.New("is another NIP than the tenant's own: call it otherwise"))
		case len(t.Name) > 64 || strings.ContainsAny(t.Name, ":|{}") || strings.TrimSpace(t.Name) != t.Name:
			f.add(at+"name", t.Name, errors.New("must have at most 64 bytes, none of : | { }, and no blank at its ends"))
		}
		titles[t.Title()] = i
		switch {
		case t.KeyID == "":
			f.add(at+"key_id", "", errors.New("is missing: the id of the gateway's API key"))
		case strings.Contains(t.KeyID, ":"):
			// Not shown: whoever writes id:key here has pasted the secret.
			f.add(at+"key_id", "(not shown)", errors.New("contains a colon: the id goes here alone, the key into key_file"))
		default:
			f.printable(at+"key_id", t.KeyID)
		}
		if t.KeyFile == "" {
			f.add(at+"key_file", "", fmt.Errorf("is missing: the file with the API key (or set KSEF_KEY_FILE_%s)", t.NIP))
		}
		f.printable(at+"name", t.Name)
		t.checkSizes(f, at)
		t.Limits.check(f, at+"limits.", true)
	}
}

// checkSizes takes 0 for KSeF's own figure.
func (t Tenant) checkSizes(f *faults, at string) {
	if t.MaxInvoiceSize != 0 {
		f.size(at+"max_invoice_size", t.MaxInvoiceSize, KB, maxInvoiceSize)
	}
	if t.MaxInvoiceSizeWithAttachment != 0 {
		f.size(at+"max_invoice_size_with_attachment", t.MaxInvoiceSizeWithAttachment, KB, maxInvoiceSize)
	}
	if t.MaxSessionInvoices != 0 {
		f.count(at+"max_session_invoices", t.MaxSessionInvoices, 1, maxSessionInvoices)
	}
}

func isNIP(s string) bool {
	return len(s) == 10 && strings.Trim(s, "0123456789") == ""
}
