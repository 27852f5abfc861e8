package tracing

import (
	"net/url"
	"strings"
)

// address returns where traces are sent. If signal is true, the endpoint is for traces alone and is
// used as it is. Otherwise it is for all signals, and the path of traces is appended. Errors never
// quote the address, because it may hold a password.
func address(endpoint string, signal bool) (string, error) {
	name := "OTEL_EXPORTER_OTLP_ENDPOINT"
	if signal {
		name = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return "", &EnvironmentError{name, "is not an address: give http://host:4318 or https://host:4318"}
	case u.User != nil:
		return "", &EnvironmentError{name, "must not carry a user or password: use OTEL_EXPORTER_OTLP_HEADERS"}
	}
	if !signal {
		u.Path = strings.TrimRight(u.Path, "/") + "/v1/traces"
	}
	return u.String(), nil
}
