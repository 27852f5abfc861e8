package config

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// direct is the file that outside scripts rely on, character by character.
const direct = `environment: custom                                     # test | demo | production | custom
direct: {url: "http://127.0.0.1:9091/v2"}               # only with custom
gateway: {url: "http://127.0.0.1:9090"}
tenants:
  - {nip: "5265877635", transport: direct, token_file: /run/secrets/token}
  - {nip: "7980332920", transport: direct, certificate_file: /etc/ksef/cert.pem, private_key_file: /run/secrets/key.pem}   # + private_key_password_file
  - {nip: "3755747347", key_id: test_id, key_file: /run/secrets/gateway_key}                                                # transport: gateway is the default
archive: {url: "file:///path/to/archive"}
`

func TestDirect_PromisedFile_WorksAsWritten(t *testing.T) {
	c, err := Load(writeFile(t, "c.yaml", direct), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		way     Transport
		address string
		cert    bool
	}{{DirectTransport, "http://127.0.0.1:9091/v2", false}, {DirectTransport, "http://127.0.0.1:9091/v2", true},
		{GatewayTransport, "http://127.0.0.1:9090", false}} {
		tenant := c.Tenants[i]
		if tenant.Way() != want.way || c.AddressOf(tenant) != want.address || tenant.LogsInByCertificate() != want.cert {
			t.Errorf("tenant %d: transport %s, address %s, login by certificate %v, want %+v",
				i, tenant.Way(), c.AddressOf(tenant), tenant.LogsInByCertificate(), want)
		}
	}
	if c.BaseURL() != "http://127.0.0.1:9090" {
		t.Errorf("the ledger's address is %s, want http://127.0.0.1:9090, which is gateway.url", c.BaseURL())
	}
}

func TestDirect_EachEnvironment_HasItsAddresses(t *testing.T) {
	for env, want := range map[Environment]struct{ gateway, direct string }{
		Test:       {"https://ksefapi.pl/api-test", "https://api-test.ksef.mf.gov.pl/v2"},
		Demo:       {"", "https://api-demo.ksef.mf.gov.pl/v2"},
		Production: {"https://ksefapi.pl/api", "https://api.ksef.mf.gov.pl/v2"},
	} {
		c := Config{Environment: env, Tenants: []Tenant{{Transport: DirectTransport}}}
		if c.GatewayURL() != want.gateway || c.DirectURL() != want.direct || c.BaseURL() != want.direct {
			t.Errorf("%s: the addresses of the gateway, of KSeF and of the ledger are %q, %q and %q, want %q, %q and %q",
				env, c.GatewayURL(), c.DirectURL(), c.BaseURL(), want.gateway, want.direct, want.direct)
		}
	}
}

func TestDirect_AddressIsNeededOnlyWhereATenantGoesThere(t *testing.T) {
	const gatewayLine = "gateway: {url: \"http://127.0.0.1:9090\"}\n"
	const directLine = "direct: {url: \"http://127.0.0.1:9091/v2\"}               # only with custom\n"
	const token = "  - {nip: \"5265877635\", transport: direct, token_file: /run/secrets/token}\n"
	head, tail, _ := strings.Cut(direct, "tenants:\n")
	tail = tail[strings.Index(tail, "archive:"):]
	only := func(tenants string) string { return head + "tenants:\n" + tenants + tail }
	for _, c := range []struct{ why, file, fault string }{
		{"no gateway.url, and no tenant uses the gateway", strings.Replace(only(token), gatewayLine, "", 1), ""},
		{"no direct.url, and no tenant goes direct",
			strings.Replace(only("  - {nip: \"3755747347\", key_id: a, key_file: /a}\n"), directLine, "", 1),
			""},
		{"no gateway.url, but a tenant uses the gateway", strings.Replace(direct, gatewayLine, "", 1), "gateway.url"},
		{"no direct.url, but a tenant goes direct", strings.Replace(direct, directLine, "", 1), "direct.url"},
		{"a direct.url in production", strings.Replace(strings.Replace(direct, "custom", "production", 1), gatewayLine, "", 1),
			"direct.url"},
		{"a direct.url that is not a URL", strings.Replace(direct, "http://127.0.0.1:9091/v2", "127.0.0.1:9091", 1), "direct.url"},
	} {
		_, err := Load(writeFile(t, "c.yaml", c.file), nil)
		if got := strings.Join(fieldsOf(err), " "); got != c.fault {
			t.Errorf("%s: the faults are of %q, want %q: %v", c.why, got, c.fault, err)
		}
	}
}

func TestDirect_SettingsThatContradict_AreReported(t *testing.T) {
	for _, c := range []struct{ why, tenant, fields, says string }{
		{"no credentials", `transport: direct`, "tenants[0].token_file", "or certificate_file and private_key_file"},
		{"a token and a certificate",
			`transport: direct, token_file: /t, certificate_file: /c, private_key_file: /k`, "tenants[0].token_file",
			"KSeF takes one of them"},
		{"a certificate without its private key",
			`transport: direct, certificate_file: /c`, "tenants[0].private_key_file", "goes with certificate_file"},
		{"a private key without its certificate",
			`transport: direct, private_key_file: /c`, "tenants[0].certificate_file", "goes with private_key_file"},
		{"a password without a private key",
			`transport: direct, token_file: /t, private_key_password_file: /p`, "tenants[0].private_key_password_file",
			"goes with private_key_file"},
		{"a key of the gateway at a direct tenant",
			`transport: direct, token_file: /t, key_id: a, key_file: /a`, "tenants[0].key_id tenants[0].key_file",
			"is for transport: gateway"},
		{"a token at a gateway tenant", `key_id: a, key_file: /a, token_file: /t`, "tenants[0].token_file", "is for transport: direct"},
		{"an unknown transport", `transport: pigeon, token_file: /t`, "tenants[0].transport", "write gateway or direct"},
	} {
		_, err := Load(writeFile(t, "c.yaml", tenants(`  - {nip: "5265877635", `+c.tenant+`}`)+"direct: {url: 'http://127.0.0.1:1/v2'}\n"),
			nil)
		if got := strings.Join(fieldsOf(err), " "); got != c.fields || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: the faults are of %q, want %q and a text that says %q: %v", c.why, got, c.fields, c.says, err)
		}
	}
	demo := strings.NewReplacer("environment: custom", "environment: demo", `gateway: {url: "http://127.0.0.1:9090"}`, "").Replace(minimal)
	_, err := Load(writeFile(t, "c.yaml", demo), nil)
	if got := strings.Join(fieldsOf(err), " "); got != "tenants[0].transport" {
		t.Errorf("a tenant uses the gateway in demo: the error is %v, want a fault of its transport", err)
	}
}

// pair writes a key and its certificate with openssl.
func pair(t *testing.T) (cert, key string) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not on PATH")
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	out, err := exec.Command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=a", "-days",
		"2",
		"-passout", "pass:hasło", "-keyout", key, "-out", cert).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl failed: %v: %s", err, out)
	}
	return cert, key
}

func TestCertificate_ReplacedFiles_NeedNoRestartAndMustBelongTogether(t *testing.T) {
	cert, key := pair(t)
	otherCert, _ := pair(t)
	password := writeFile(t, "password", "hasło\n")
	tenant := Tenant{
		NIP: "5265877635", Transport: DirectTransport, CertificateFile: cert, PrivateKeyFile: key,
		PrivateKeyPasswordFile: password,
	}
	got, signer, err := tenant.Certificate()
	if err != nil || got.Subject.CommonName != "a" || signer == nil {
		t.Fatalf("the certificate is %v and its key was read: %v (error %v), want both from the files", got, signer != nil, err)
	}
	if err := tenant.CheckCredentials(); err != nil {
		t.Error(err)
	}
	replace := func(path, with string) {
		t.Helper()
		raw, err := os.ReadFile(with)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	replace(cert, otherCert)
	if _, _, err := tenant.Certificate(); err == nil || !strings.Contains(err.Error(), "does not belong to the certificate") ||
		!strings.Contains(err.Error(), key) {
		t.Errorf("with another certificate the error is %v, want it to say that the key in %s does not belong to the certificate", err, key)
	}
	if err := os.WriteFile(password, []byte("another\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := tenant.Certificate(); err == nil || !strings.Contains(err.Error(), "password does not open") ||
		strings.Contains(err.Error(), "another") {
		t.Errorf("with a wrong password the error is %v, want it to say that the password is wrong, without the password", err)
	}
	tenant.PrivateKeyPasswordFile = ""
	if err := tenant.CheckCredentials(); err == nil || !strings.Contains(err.Error(), "private_key_password_file") {
		t.Errorf("without a password the error is %v, want it to name private_key_password_file", err)
	}
}

// The command openssl pkcs12 -in store.p12 -out all.pem writes the certificate and its key to one
// file.
func TestCertificate_OneFileForBoth_IsRead(t *testing.T) {
	cert, key := pair(t)
	both := ""
	for _, path := range []string{cert, key} {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		both += "Bag Attributes\n    localKeyID: 01\n" + string(raw)
	}
	all := writeFile(t, "all.pem", both)
	tenant := Tenant{NIP: "5265877635", Transport: DirectTransport, CertificateFile: all, PrivateKeyFile: all,
		PrivateKeyPasswordFile: writeFile(t, "password", "hasło")}
	if _, _, err := tenant.Certificate(); err != nil {
		t.Error(err)
	}
}

func TestToken_File_IsReadAtEachCall(t *testing.T) {
	file := writeFile(t, "token", "first\n")
	tenant := Tenant{NIP: "5265877635", Transport: DirectTransport, TokenFile: file}
	if got, err := tenant.Token(); err != nil || got != "first" {
		t.Errorf("the token is %q (error %v), want first", got, err)
	}
	if err := os.WriteFile(file, []byte("second"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := tenant.Token(); err != nil || got != "second" {
		t.Errorf("the token is %q (error %v), want second", got, err)
	}
}
