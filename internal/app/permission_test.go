package app

import (
	"strings"
	"testing"

	"ksefworker/internal/ksef"
)

// KSeF names one permission, several permissions of which one is enough, or none.
func TestRefusedKey_PermissionIsMissing_SaysWhichToGrant(t *testing.T) {
	for permissions, want := range map[string]string{
		"InvoiceWrite":                 "grant the account of its key InvoiceWrite; ",
		"InvoiceWrite, CredentialsAll": "grant the account of its key one of InvoiceWrite, CredentialsAll; ",
		"":                             "grant it to the account of its key; ",
	} {
		_, todo := refusedKey(&ksef.APIError{Kind: ksef.KindUnauthorized, Reason: "missing-permissions", Permissions: permissions})
		if !strings.HasPrefix(todo, want) {
			t.Errorf("for the permissions %q the advice is %q, want that it begins with %q", permissions, todo, want)
		}
	}
}
