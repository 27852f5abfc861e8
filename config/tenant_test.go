package config

import (
	"strings"
	"testing"
)

// tenants returns the file minimal with these lines in place of its tenant.
func tenants(lines ...string) string {
	const one = "  - {nip: \"5265877635\", key_id: test_id, key_file: /path/to/key}\n"
	return strings.Replace(minimal, one, strings.Join(lines, "\n")+"\n", 1)
}

func TestTenants_TwoAccountsOfOneNIP_NeedNames(t *testing.T) {
	const (
		a = `  - {nip: "5265877635", name: first, key_id: a, key_file: /a}`
		b = `  - {nip: "5265877635", name: second, key_id: b, key_file: /b, limits: {batchSession: {per_hour: 7}}}`
	)
	c, err := Load(writeFile(t, "c.yaml", tenants(a, b)), nil)
	if err != nil {
		t.Fatal(err)
	}
	second, ok := c.Tenant("second")
	if !ok || second.KeyID != "b" || second.Title() != "second" {
		t.Errorf("the tenant with the name second is %+v, found %v, want the second account", second, ok)
	}
	if _, ok := c.Tenant("5265877635"); ok {
		t.Error("Tenant finds a tenant by a NIP, want none, because both tenants with this NIP have names")
	}
	if n := c.LimitsOf("second").BatchSession.PerHour; n != 7 || c.LimitsOf("first").BatchSession.PerHour == 7 {
		t.Errorf("the second account may open %d sessions an hour and the first %d, want 7 and another number",
			n, c.LimitsOf("first").BatchSession.PerHour)
	}
	// Both accounts have this NIP, so a key file for the NIP could belong to either account.
	_, err = Load(writeFile(t, "c.yaml", tenants(a, b)), []string{"KSEF_KEY_FILE_5265877635=/x"})
	if got := fieldsOf(err); len(got) != 1 || got[0] != "KSEF_KEY_FILE_5265877635" {
		t.Errorf("a key file for the NIP of both accounts: the error is %v, want one fault of the variable", err)
	}
}

func TestTenants_NameThatCannotBePartOfAKey_IsRefused(t *testing.T) {
	for _, c := range []struct{ why, line, field string }{
		{"a colon", `  - {nip: "5265877635", name: "a:b", key_id: a, key_file: /a}`, "tenants[0].name"},
		{"a vertical bar", `  - {nip: "5265877635", name: "a|b", key_id: a, key_file: /a}`, "tenants[0].name"},
		{"a space at its end", `  - {nip: "5265877635", name: "a ", key_id: a, key_file: /a}`, "tenants[0].name"},
		{"another NIP", `  - {nip: "5265877635", name: "5210000003", key_id: a, key_file: /a}`, "tenants[0].name"},
		{"the same name twice", `  - {nip: "5265877635", name: a, key_id: a, key_file: /a}
  - {nip: "5210000003", name: a, key_id: a, key_file: /a}`, "tenants[1].name"},
	} {
		_, err := Load(writeFile(t, "c.yaml", tenants(c.line)), nil)
		if got := fieldsOf(err); len(got) != 1 || got[0] != c.field {
			t.Errorf("%s: the error is %v, want one fault of the name", c.why, err)
		}
	}
}

func TestTenants_Sizes_DefaultToKSeFsLimits(t *testing.T) {
	for _, c := range []struct {
		set             Tenant
		plain, attached int64
		session         int
	}{
		{Tenant{}, 1_000_000, 3_000_000, 10_000},
		{Tenant{MaxInvoiceSize: 2 * MB}, 2_000_000, 3_000_000, 10_000},
		{Tenant{MaxInvoiceSize: 5 * MB, MaxSessionInvoices: 30_000}, 5_000_000, 5_000_000, 30_000},
		{Tenant{MaxInvoiceSizeWithAttachment: 10 * MB}, 1_000_000, 10_000_000, 10_000},
	} {
		a, b, n := c.set.InvoiceSize(false), c.set.InvoiceSize(true), c.set.SessionInvoices()
		if a != c.plain || b != c.attached || n != c.session {
			t.Errorf("%+v: invoices of %d bytes, with attachment %d bytes, sessions of %d invoices, want %d, %d and %d",
				c.set, a, b, n, c.plain, c.attached, c.session)
		}
	}
}

// packages.max_invoices and express.max_invoices may be as high as the highest limit of any tenant.
// When a package is cut, the limit of its own tenant applies.
func TestPackages_MoreThanKSeFsDefault_OnlyIfATenantHasAHigherLimit(t *testing.T) {
	const more = "packages: {max_invoices: 20000}\nexpress: {max_invoices: 20000}\n"
	_, err := Load(writeFile(t, "c.yaml", minimal+more), nil)
	if got := fieldsOf(err); len(got) != 2 || got[0] != "packages.max_invoices" || got[1] != "express.max_invoices" {
		t.Errorf("without a raised limit the error is %v, want faults of both max_invoices", err)
	}
	raised := tenants(`  - {nip: "5265877635", key_id: a, key_file: /a, max_session_invoices: 20000, max_invoice_size: 2MB}`)
	c, err := Load(writeFile(t, "c.yaml", raised+more), nil)
	if err != nil || c.LargestInvoice() != 3_000_000 {
		t.Errorf("with a raised limit the largest invoice has %d bytes (error %v), want 3,000,000", c.LargestInvoice(), err)
	}
	const beyond = `  - {nip: "5265877635", key_id: a, key_file: /a, max_session_invoices: 200000, max_invoice_size: 2GB}`
	_, err = Load(writeFile(t, "c.yaml", tenants(beyond)), nil)
	if got := fieldsOf(err); len(got) != 2 {
		t.Errorf("a tenant has limits above the highest that may be set: the error is %v, want two faults", err)
	}
}

// A configuration that sets only a low max_session_invoices is valid, because the defaults of the
// other settings are lowered to it.
func TestPackages_SessionsOfFewInvoices_LowerTheDefaults(t *testing.T) {
	few := tenants(`  - {nip: "5265877635", key_id: a, key_file: /a, max_session_invoices: 3}`)
	c, err := Load(writeFile(t, "c.yaml", few), nil)
	if err != nil || c.Packages.MaxInvoices != 3 || c.Express.MaxInvoices != 3 {
		t.Errorf("packages have at most %d invoices and online sessions %d (error %v), want 3 in both",
			c.Packages.MaxInvoices, c.Express.MaxInvoices, err)
	}
	_, err = Load(writeFile(t, "c.yaml", few+"packages: {max_invoices: 4}\n"), nil)
	if got := fieldsOf(err); len(got) != 1 || got[0] != "packages.max_invoices" {
		t.Errorf("packages.max_invoices is set to more than a session takes: the error is %v, want one fault of it", err)
	}
}

func TestValidation_Defaults_DependOnTheEnvironment(t *testing.T) {
	for _, c := range []struct {
		environment Environment
		set         Validation
		warn, check bool
	}{
		{Test, Validation{}, false, false},
		{Production, Validation{}, true, true},
		{Custom, Validation{}, false, true},
		{Production, Validation{DiscouragedCharacters: "refuse", NIPCheckDigits: "skip"}, false, false},
		{Test, Validation{DiscouragedCharacters: "warn", NIPCheckDigits: "check"}, true, true},
	} {
		cfg := Config{Environment: c.environment, Validation: c.set}
		if warn, check := cfg.AllowsDiscouraged(), cfg.ChecksNIPs(); warn != c.warn || check != c.check {
			t.Errorf("%s %+v: discouraged characters allowed %v, want %v; check digits verified %v, want %v",
				c.environment, c.set, warn, c.warn, check, c.check)
		}
	}
	_, err := Load(writeFile(t, "c.yaml", minimal+"validation: {discouraged_characters: yes, nip_check_digits: maybe}\n"), nil)
	if got := fieldsOf(err); len(got) != 2 {
		t.Errorf("two unknown words: the error is %v, want two faults", err)
	}
}
