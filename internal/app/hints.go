package app

import (
	"errors"
	"net/http"
	"strings"

	"ksefworker/internal/connect"
	"ksefworker/internal/ksef"
)

// gatewayHint returns what a person can do about a gateway that cannot be reached.
func gatewayHint(err error, url string) string {
	secure := strings.HasPrefix(url, "https://")
	if api, ok := errors.AsType[*ksef.APIError](err); ok && !secure && api.Status == http.StatusBadRequest {
		// Go's and nginx's servers answer 400 to plain text at a TLS port.
		return "another server than the gateway answers: if this is a TLS port, say https:// in gateway.url"
	}
	if hint := connect.TLSHint(err, secure, "gateway.url", "https://", "http://", "the machine's trusted certificates"); hint != "" {
		return hint
	}
	return "check gateway.url, DNS, the firewall and the proxy of this machine"
}
