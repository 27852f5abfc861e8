package simulator

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"

	"ksefworker/internal/simulator/fa"
)

// Account is one API key of the gateway, with the rights of one taxpayer.
type Account struct {
	ID  string // public
	Key string // secret
	// NIP is the taxpayer in whose context the account sends, as a rule the seller. With "" a
	// session has the context of the issuer of its first valid invoice.
	NIP string
}

func (a Account) validate() error {
	switch {
	case a.ID == "" || strings.Contains(a.ID, ":"):
		err := errors.New("empty, or with a colon, which Basic authorization does not allow")
		return &FieldError{Field: "Account.ID", Value: a.ID, Err: err}
	case a.Key == "":
		return &FieldError{Field: "Account.Key", Value: "", Err: errors.New("empty for account " + a.ID)}
	case a.NIP != "" && !fa.ValidNIP(a.NIP):
		return &FieldError{Field: "Account.NIP", Value: a.NIP, Err: errors.New("not a NIP")}
	}
	return nil
}

// accounts knows every account. The extra ones are in a list. The default ones, such as test_<nip>,
// follow from their names, so tests can use any number of tenants without listing them.
type accounts struct{ extra []Account }

const (
	defaultID  = "test_id"
	defaultKey = "test_key"
)

func (a accounts) byID(id string) (Account, bool) {
	for _, x := range a.extra {
		if x.ID == id {
			return x, true
		}
	}
	if id == defaultID {
		return Account{ID: id, Key: defaultKey}, true
	}
	if nip, found := strings.CutPrefix(id, "test_"); found && fa.ValidNIP(nip) {
		return Account{ID: id, Key: defaultKey, NIP: nip}, true
	}
	return Account{}, false
}

// authorize reads the Basic header (RFC 7617). The only form that passes has one header, one space,
// and standard Base64.
func (a accounts) authorize(r *http.Request) (Account, *refusal) {
	refused := &refusal{status: http.StatusUnauthorized, code: 401, description: "Unauthorized"}
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		refused.details = "exactly one Authorization header is needed"
		return Account{}, refused
	}
	encoded, found := strings.CutPrefix(values[0], "Basic ")
	if !found {
		refused.details = "the scheme is not Basic"
		return Account{}, refused
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		refused.details = "the credentials are not Base64"
		return Account{}, refused
	}
	id, key, found := strings.Cut(string(raw), ":")
	account, known := a.byID(id)
	same := subtle.ConstantTimeCompare([]byte(key), []byte(account.Key)) == 1
	if !found || !known || !same {
		refused.details = "unknown key"
		return Account{}, refused
	}
	return account, nil
}
