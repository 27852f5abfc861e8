package pemkey_test

import (
	"crypto"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ksefworker/internal/pemkey"
)

// openssl lets the program openssl write a file, and returns the content of the file. The keys and
// their forms come from another program on purpose.
func openssl(t *testing.T, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not on PATH")
	}
	out := filepath.Join(t.TempDir(), "out")
	cmd := exec.Command("openssl", append(args, "-out", out)...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("openssl %v: %v\n%s", args, err, text)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func file(t *testing.T, raw []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "in.pem")
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestPrivateKey_EveryFormOfOpenSSL_IsTheSameKey(t *testing.T) {
	for kind, args := range map[string][]string{
		"RSA": {"genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"},
		"EC":  {"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"},
	} {
		t.Run(kind, func(t *testing.T) {
			plain := openssl(t, args...)
			key, err := pemkey.PrivateKey(plain, nil)
			if err != nil {
				t.Fatal(err)
			}
			in := file(t, plain)
			for form, args := range map[string][]string{
				"traditional":     {"pkey", "-in", in, "-traditional"},
				"AES-256, SHA256": {"pkcs8", "-topk8", "-in", in, "-v2", "aes-256-cbc", "-passout", "pass:zażółć gęślą"},
				"AES-128, SHA1": {"pkcs8", "-topk8", "-in", in, "-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1", "-passout",
					"pass:zażółć gęślą"},
				"AES-256, SHA224": {"pkcs8", "-topk8", "-in", in, "-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA224", "-passout",
					"pass:zażółć gęślą"},
				"AES-192, SHA512": {"pkcs8", "-topk8", "-in", in, "-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA512", "-iter", "100",
					"-passout", "pass:zażółć gęślą"},
				"3DES, SHA384": {"pkcs8", "-topk8", "-in", in, "-v2", "des3", "-v2prf", "hmacWithSHA384", "-passout", "pass:zażółć gęślą"},
			} {
				raw := openssl(t, args...)
				got, err := pemkey.PrivateKey(append([]byte("some text before\n"), raw...), []byte("zażółć gęślą"))
				if err != nil {
					t.Errorf("read the key as %s: %v", form, err)
				} else if !key.(interface{ Equal(crypto.PrivateKey) bool }).Equal(got) {
					t.Errorf("%s: PrivateKey returned another key", form)
				}
				if !strings.Contains(string(raw), "ENCRYPTED") {
					continue
				}
				for _, wrong := range [][]byte{nil, {}, []byte("zażółć gęśla")} {
					if _, err := pemkey.PrivateKey(raw, wrong); !errors.Is(err, pemkey.ErrPassword) {
						t.Errorf("%s, password %q: PrivateKey = %v, want ErrPassword", form, wrong, err)
					}
				}
			}
		})
	}
}

func TestPrivateKey_FileThatIsNoKey_ErrorSaysWhatItIs(t *testing.T) {
	ec := openssl(t, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
	in := file(t, ec)
	for want, raw := range map[string][]byte{
		"is empty":                            []byte(" \n"),
		"has no line with -----BEGIN":         []byte("a token"),
		"openssl pkey -in FILE -inform der":   openssl(t, "pkey", "-in", in, "-outform", "der"),
		"has no private key":                  openssl(t, "pkey", "-in", in, "-pubout"),
		"two private keys":                    append(append([]byte{}, ec...), ec...),
		"neither RSA nor EC":                  openssl(t, "genpkey", "-algorithm", "ED25519"),
		"an old way that is not safe":         openssl(t, "pkey", "-in", in, "-traditional", "-aes128", "-passout", "pass:x"),
		"a way that is not known here":        openssl(t, "pkcs8", "-topk8", "-in", in, "-scrypt", "-passout", "pass:x"),
		"its private key cannot be read":      []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
		"its encrypted private key cannot be": []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"),
		"is not a key that can be read":       []byte("-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n"),
	} {
		_, err := pemkey.PrivateKey(raw, []byte("x"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestMatching_Chain_ReturnsTheKeysOwnCertificate(t *testing.T) {
	key := openssl(t, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
	other := openssl(t, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
	own := openssl(t, "req", "-x509", "-new", "-key", file(t, key), "-subj", "/CN=own", "-days", "1")
	issuer := openssl(t, "req", "-x509", "-new", "-key", file(t, other), "-subj", "/CN=issuer", "-days", "1")
	certs, err := pemkey.Certificates(append(append(append([]byte{}, issuer...), key...), own...))
	if err != nil || len(certs) != 2 {
		t.Fatalf("Certificates = %v, %v, want two certificates", certs, err)
	}
	signer, err := pemkey.PrivateKey(key, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := pemkey.Matching(certs, signer); err != nil || got.Subject.CommonName != "own" {
		t.Errorf("Matching = %v, %v, want the certificate of the key, whose name is own", got, err)
	}
	if _, err := pemkey.Matching(certs[:1], signer); !errors.Is(err, pemkey.ErrOther) {
		t.Errorf("with another key's certificate alone, Matching returned %v, want ErrOther", err)
	}
	for want, raw := range map[string][]byte{
		"has no certificate": key, "openssl x509 -in FILE": certs[0].Raw,
		"its certificate cannot be read": []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
	} {
		if _, err := pemkey.Certificates(raw); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

// No file, however odd, stops the program or costs it much.
func FuzzPrivateKey(f *testing.F) {
	f.Add([]byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n"))
	f.Fuzz(func(_ *testing.T, raw []byte) { _, _ = pemkey.PrivateKey(raw, []byte("x")) })
}
