package app

import (
	"errors"
	"net/http"
	"strings"

	"ksefworker/internal/connect"
	"ksefworker/internal/ksef"
)

// gatewayHint says what a person can do about a gateway that cannot be reached.
func gatewayHint(err error, url string) string {
	secure := strings.HasPrefix(url, "https://")
	if api, ok := errors.AsType[*ksef.APIError](err); ok && !secure && api.Status == http.StatusBadRequest {
		return "what answers is not the gateway: if its port speaks TLS, say https:// in gateway.url" // as Go's and nginx's servers do
	}
	if hint := connect.TLSHint(err, secure, "gateway.url", "https://", "http://", "the machine's trusted certificates"); hint != "" {
		return hint
	}
	return "check gateway.url, DNS, the firewall and the proxy of this machine"
}
