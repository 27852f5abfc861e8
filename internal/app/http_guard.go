package app

import (
	"net"
	"net/http"
	"strings"

	"ksefworker/config"
)

// RequireLogin asks for HTTP Basic credentials and lets through those for which check is true. check must compare in constant time.
func RequireLogin(realm string, check func(user, password string) bool, next http.Handler) http.Handler {
	challenge := `Basic realm="` + strings.NewReplacer(`"`, "", `\`, "").Replace(realm) + `", charset="UTF-8"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth()
		if !ok || !check(user, password) {
			w.Header().Set("WWW-Authenticate", challenge)
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, "login required", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// requireLocalHost refuses requests whose Host header names anything but this machine. The address that a browser believes to talk to is
// the one thing that a rebound name can't forge.
func requireLocalHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if !config.IsLoopback(strings.Trim(host, "[]")) {
			http.Error(w, "this address answers to localhost only", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
