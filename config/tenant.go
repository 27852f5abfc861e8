package config

import (
	"errors"
	"fmt"
	"strings"
)

// Tenant is one taxpayer: its own credentials at the gateway, its own request limits.
type Tenant struct {
	// NIP is the tax number, ten digits. The check digit is not looked at here.
	NIP string `yaml:"nip" env:"NIP"`
	// KeyID is the public half of the gateway's API key.
	KeyID string `yaml:"key_id" env:"KEY_ID"`
	// KeyFile holds the secret half, nothing else; one newline at its end is dropped. KSEF_KEY_FILE_<NIP> sets it too.
	KeyFile string `yaml:"key_file" env:"KEY_FILE"`
	// Name for listings and logs; empty means the NIP.
	Name string `yaml:"name" env:"NAME"`
	// Limits are this taxpayer's own request limits; 0 means as in limits.groups.
	Limits Groups `yaml:"limits" envPrefix:"LIMITS_"`
	// Paused keeps this taxpayer's invoices in the ledger and sends nothing.
	Paused bool `yaml:"paused" env:"PAUSED"`
}

// Key reads the secret half of the API key, anew each time, so that a rotated key needs no restart. The error names the file and what
// to do about it, never the content. Safe for concurrent use.
func (t Tenant) Key() (string, error) {
	if t.KeyFile == "" {
		return "", fmt.Errorf("read API key of tenant %s: no key_file is set; set tenants[].key_file or KSEF_KEY_FILE_%s", t.NIP, t.NIP)
	}
	return readSecret("API key of tenant "+t.NIP, t.KeyFile)
}

// Title is Name, or the NIP.
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
	seen := map[string]int{}
	for i, t := range c.Tenants {
		at := fmt.Sprintf("tenants[%d].", i)
		if !isNIP(t.NIP) {
			f.add(at+"nip", t.NIP, errors.New("must be ten digits without dashes"))
		} else if first, twice := seen[t.NIP]; twice {
			f.add(at+"nip", t.NIP, fmt.Errorf("is the NIP of tenants[%d] already", first))
		} else {
			seen[t.NIP] = i
		}
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
		t.Limits.check(f, at+"limits.", true)
	}
}

func isNIP(s string) bool {
	return len(s) == 10 && strings.Trim(s, "0123456789") == ""
}
