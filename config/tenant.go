package config

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"ksefworker/internal/ksef/numbers"
)

// Tenant is one account of a taxpayer: its way to KSeF, its credentials and its request limits.
type Tenant struct {
	// NIP is the tax number, ten digits, of the taxpayer on whose behalf this tenant sends. Several
	// tenants may have the same NIP. Load does not verify its check digit.
	NIP string `yaml:"nip" env:"NIP"`
	// Transport is the way to KSeF: gateway (ksefapi.pl) or direct (KSeF's own API). "" is gateway.
	Transport Transport `yaml:"transport" env:"TRANSPORT"`
	// KeyID is the public half of the gateway's API key. It is used with transport gateway only.
	KeyID string `yaml:"key_id" env:"KEY_ID"`
	// KeyFile is the file with the secret half of that key and nothing else; one newline at the end
	// of the file is removed. KSEF_KEY_FILE_<NIP> sets it too.
	KeyFile string `yaml:"key_file" env:"KEY_FILE"`
	// TokenFile is the file with a KSeF token and nothing else; one newline at the end of the file
	// is removed. It is used with transport direct only, in place of a certificate.
	TokenFile string `yaml:"token_file" env:"TOKEN_FILE"`
	// CertificateFile is a certificate that KSeF takes, in PEM, and PrivateKeyFile its private key,
	// in PEM as PKCS#8, PKCS#1 or SEC1. They are used with transport direct only, in place of a
	// token.
	CertificateFile string `yaml:"certificate_file" env:"CERTIFICATE_FILE"`
	PrivateKeyFile  string `yaml:"private_key_file" env:"PRIVATE_KEY_FILE"`
	// PrivateKeyPasswordFile is the file with the password of an encrypted private key.
	PrivateKeyPasswordFile string `yaml:"private_key_password_file" env:"PRIVATE_KEY_PASSWORD_FILE"`
	// Name identifies the tenant in the ledger, limits, logs, metrics and on the command line. It
	// must be unique; empty means the NIP. The name is the key of everything that the ledger has of
	// the tenant. So once an invoice has been taken in under it, the name can't be changed or given
	// to another NIP.
	Name string `yaml:"name" env:"NAME"`
	// Limits are the request limits of this taxpayer; 0 means the figure in limits.groups.
	Limits Groups `yaml:"limits" envPrefix:"LIMITS_"`
	// MaxInvoiceSize is the maximum size of an invoice without attachment; 0 means KSeF's 1MB,
	// otherwise 1kB to 20MB.
	MaxInvoiceSize Size `yaml:"max_invoice_size" env:"MAX_INVOICE_SIZE"`
	// MaxInvoiceSizeWithAttachment is the maximum size of an invoice with attachment, 1kB to 20MB.
	// 0 means KSeF's 3MB, or MaxInvoiceSize if that is greater.
	MaxInvoiceSizeWithAttachment Size `yaml:"max_invoice_size_with_attachment" env:"MAX_INVOICE_SIZE_WITH_ATTACHMENT"`
	// MaxSessionInvoices is how many invoices KSeF accepts from this taxpayer in one session; 0
	// means KSeF's 10,000, otherwise 1 to 100,000.
	MaxSessionInvoices int `yaml:"max_session_invoices" env:"MAX_SESSION_INVOICES"`
	// PackageFormat is the form of this taxpayer's packages, zip or tar.gz; "" means
	// packages.format. tar.gz goes with transport direct only.
	PackageFormat PackageFormat `yaml:"package_format" env:"PACKAGE_FORMAT"`
	// OfflineCertificateFile is the KSeF certificate of type Offline, PEM or DER; it may contain
	// the key too. The key signs KOD II, the second QR code of an invoice that the buyer gets
	// before KSeF does. Empty means that no KOD II can be made for this taxpayer.
	OfflineCertificateFile string `yaml:"offline_certificate_file" env:"OFFLINE_CERTIFICATE_FILE"`
	// OfflineKeyFile is the private key of that certificate, PEM or DER; empty means that the key
	// is in OfflineCertificateFile.
	OfflineKeyFile string `yaml:"offline_key_file" env:"OFFLINE_KEY_FILE"`
	// OfflineKeyPasswordFile has the password of an encrypted key (PKCS#8) and nothing else.
	OfflineKeyPasswordFile string `yaml:"offline_key_password_file" env:"OFFLINE_KEY_PASSWORD_FILE"`
	// Paused stops all traffic with KSeF for this tenant, also polls of what was already sent. Its
	// invoices stay in the ledger.
	Paused bool `yaml:"paused" env:"PAUSED"`
}

// Key reads the secret half of the API key on each call, so that a rotated key needs no restart.
// The error names the file and says what to do, and never contains the key. Safe for concurrent
// use.
func (t Tenant) Key() (string, error) {
	if t.KeyFile == "" {
		return "", fmt.Errorf("read API key of tenant %s: no key_file is set; set tenants[].key_file or KSEF_KEY_FILE_%s",
			t.Title(), t.NIP)
	}
	return readSecret("API key of tenant "+t.Title(), t.KeyFile)
}

// OfflineCertificate reads the files of the Offline certificate. key and password are nil when
// their files are not set. The error names the file and never contains the key.
func (t Tenant) OfflineCertificate() (certificate, key, password []byte, err error) {
	what := "Offline certificate of tenant " + t.Title()
	if t.OfflineCertificateFile == "" {
		return nil, nil, nil, fmt.Errorf("read %s: set tenants[].offline_certificate_file to a KSeF certificate of type Offline", what)
	}
	if certificate, err = readSecretFile(what, t.OfflineCertificateFile); err != nil {
		return nil, nil, nil, err
	}
	if t.OfflineKeyFile != "" {
		if key, err = readSecretFile("key of the "+what, t.OfflineKeyFile); err != nil {
			return nil, nil, nil, err
		}
	}
	if t.OfflineKeyPasswordFile != "" {
		text, err := readSecret("password of the key of the "+what, t.OfflineKeyPasswordFile)
		if err != nil {
			return nil, nil, nil, err
		}
		password = []byte(text)
	}
	return certificate, key, password, nil
}

// checkOffline refuses an Offline key or its password without an Offline certificate.
func (t Tenant) checkOffline(f *faults, at string) {
	if t.OfflineKeyFile != "" && t.OfflineCertificateFile == "" {
		f.add(at+"offline_key_file", t.OfflineKeyFile, errors.New("goes with offline_certificate_file: set that too, or neither"))
	}
	if t.OfflineKeyPasswordFile != "" && t.OfflineCertificateFile == "" {
		f.add(at+"offline_key_password_file", t.OfflineKeyPasswordFile,
			errors.New("goes with offline_certificate_file: set that too, or neither"))
	}
}

// These are the highest values that a tenant's own limits may have. They are twice what the test
// environment of the Ministry lets anybody request.
const (
	maxInvoiceSize     = 20 * MB
	maxSessionInvoices = 100_000
)

// InvoiceSize returns the maximum size in bytes of an invoice that KSeF accepts from this taxpayer.
func (t Tenant) InvoiceSize(attachment bool) int64 {
	plain := cmp.Or(t.MaxInvoiceSize, numbers.MaxInvoiceSize)
	if !attachment {
		return int64(plain)
	}
	return int64(cmp.Or(t.MaxInvoiceSizeWithAttachment, max(plain, numbers.MaxInvoiceSizeWithAttachment)))
}

// SessionInvoices returns how many invoices KSeF accepts from this taxpayer in one session.
func (t Tenant) SessionInvoices() int {
	return cmp.Or(t.MaxSessionInvoices, numbers.MaxSessionInvoices)
}

// LargestInvoice returns the maximum size in bytes of a document that KSeF accepts from any of the
// tenants.
func (c Config) LargestInvoice() int64 {
	largest := int64(0)
	for _, t := range c.Tenants {
		largest = max(largest, t.InvoiceSize(false), t.InvoiceSize(true))
	}
	return cmp.Or(largest, numbers.MaxInvoiceSizeWithAttachment)
}

// maxSessionInvoices returns the maximum number of invoices that KSeF accepts from any of the
// tenants in one session.
func (c Config) maxSessionInvoices() int {
	largest := 0
	for _, t := range c.Tenants {
		largest = max(largest, t.SessionInvoices())
	}
	return cmp.Or(largest, numbers.MaxSessionInvoices)
}

// Title returns Name, or the NIP if there is no name. All output uses this title for the tenant.
func (t Tenant) Title() string {
	if t.Name != "" {
		return t.Name
	}
	return t.NIP
}

func checkTenants(c *Config, f *faults) {
	if len(c.Tenants) == 0 {
		f.add("tenants", "", errors.New("is empty: add at least one taxpayer, either with nip, key_id and key_file, "+
			"or with nip, token_file and \"transport: direct\""))
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
			f.add(at+"nip", t.NIP, fmt.Errorf("is already the NIP of tenants[%d]: give this one a name of its own", first))
		case twice:
			f.add(at+"name", t.Name, fmt.Errorf("is already the name of tenants[%d]: each tenant needs its own", first))
		case isNIP(t.Name) && t.Name != t.NIP:
			f.add(at+"name", t.Name, errors.New("is a NIP, but not the one of this tenant: choose another name"))
		case len(t.Name) > 64 || strings.ContainsAny(t.Name, ":|{}") || strings.TrimSpace(t.Name) != t.Name:
			f.add(at+"name", t.Name, errors.New("must have at most 64 bytes, none of : | { }, and no blank at either end"))
		}
		titles[t.Title()] = i
		t.checkWay(f, at, c.Environment)
		f.printable(at+"name", t.Name)
		t.checkSizes(f, at)
		t.checkOffline(f, at)
		t.Limits.check(f, at+"limits.", true)
	}
}

func (t Tenant) checkGatewayKey(f *faults, at string) {
	switch {
	case t.KeyID == "":
		f.add(at+"key_id", "", errors.New("is missing: the id of the gateway's API key (or set transport: direct)"))
	case strings.Contains(t.KeyID, ":"):
		// Not shown, because a value of the form id:key contains the secret.
		f.add(at+"key_id", "(not shown)", errors.New("contains a colon: write only the id here, and the key into key_file"))
	default:
		f.printable(at+"key_id", t.KeyID)
	}
	if t.KeyFile == "" {
		f.add(at+"key_file", "", fmt.Errorf("is missing: the file with the API key (or set KSEF_KEY_FILE_%s)", t.NIP))
	}
}

// checkSizes accepts 0, which means KSeF's own figure.
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
