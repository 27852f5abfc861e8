package xades

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The folder that KSEF_XADES_VECTORS names has documents that were signed and checked elsewhere.
// The folder is not part of the repository; verify_test.go proves the same with signatures of its
// own.
func TestVerify_VectorsFromElsewhere_AreJudgedAsTheirNamesSay(t *testing.T) {
	dir := os.Getenv("KSEF_XADES_VECTORS")
	if dir == "" {
		t.Skip("KSEF_XADES_VECTORS names no folder with signed documents (good-*.xml, bad-*.xml)")
	}
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for name, want := range map[string]error{
		"good-p256": nil, "good-rsa": nil,
		"bad-ecdsa-der": ErrSignature, "bad-no-root-reference": ErrSignature, "bad-no-signature": ErrNoSignature,
		"bad-tampered-nip": ErrSignature, "bad-two-signatures": ErrManySigned, "bad-wrong-cert-digest": ErrSignature,
	} {
		document, err := os.ReadFile(filepath.Join(dir, name+".xml"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Verify(document, now)
		if !errors.Is(err, want) {
			t.Errorf("the verdict on %s is %v, want that of its name", name, err)
		}
		t.Log(name, err)
	}
}
