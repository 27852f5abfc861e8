package invoice

import (
	"encoding/base64"
	"fmt"
)

// Hosts of the verification page (KSeF limits, September 2026).
const (
	qrHost     = "https://qr.ksef.mf.gov.pl"
	qrTestHost = "https://qr-test.ksef.mf.gov.pl"
)

// VerificationURL returns the link that an invoice carries as QR code KOD I. The page behind the
// link shows whether KSeF has exactly the document whose hash is in the link. environment is
// "production", "test" or "custom". "custom" is the simulator, whose links lead to the test page.
// issueDate is P_1 as "2006-01-02", and hash is Header.Hash. VerificationURL returns an error for
// any other environment, such as "demo", and for a malformed sellerNIP or issueDate. The link can
// be made before the invoice is accepted.
func VerificationURL(environment string, sellerNIP, issueDate string, hash [32]byte) (string, error) {
	host, err := VerificationHost(environment)
	if err != nil {
		return "", err
	}
	if !nipShape(sellerNIP) {
		rule, hint := nipRule(sellerNIP, "")
		return "", fmt.Errorf("make verification link: %w",
			&FieldError{Field: sellerField, Rule: rule, Value: shorten(sellerNIP), Hint: hint})
	}
	if _, _, _, ok := dateShape(issueDate); !ok {
		return "", fmt.Errorf("make verification link: %w", notADate(issueDate))
	}
	day := issueDate[8:] + "-" + issueDate[5:7] + "-" + issueDate[:4]
	return host + "/invoice/" + sellerNIP + "/" + day + "/" + base64.RawURLEncoding.EncodeToString(hash[:]), nil
}

// VerificationHost returns the beginning of verification links, which is "https://" and the host.
// environment is as in [VerificationURL].
func VerificationHost(environment string) (string, error) {
	switch environment {
	case "production":
		return qrHost, nil
	case "test", "custom":
		return qrTestHost, nil
	}
	return "", fmt.Errorf("make verification link: environment must be production, test or custom: got %q",
		shorten(environment))
}
