package app

import (
	"errors"
	"net/http"
	"strings"

	"ksefworker/internal/connect"
	"ksefworker/internal/ksef"
)

// addressHint returns what a person can do when an address cannot be reached. setting is the name
// of the setting with this address.
func addressHint(err error, url, setting string) string {
	secure := strings.HasPrefix(url, "https://")
	if api, ok := errors.AsType[*ksef.APIError](err); ok && !secure && api.Status == http.StatusBadRequest {
		// Go's and nginx's servers answer 400 to plain text at a TLS port.
		return "another server answers: if this is a TLS port, use https:// in " + setting
	}
	if hint := connect.TLSHint(err, secure, setting, "https://", "http://", "the machine's trusted certificates"); hint != "" {
		return hint
	}
	return "check " + setting + ", DNS, the firewall and the proxy of this machine"
}
