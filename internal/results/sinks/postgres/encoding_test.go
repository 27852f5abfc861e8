package postgres

import (
	"strings"
	"testing"

	"ksefworker/internal/results/sinks"
)

// The check finds a wrong encoding before any result is written. Without the check, a person would
// learn of the encoding only when single results are refused.
func TestCheck_EncodingCannotHoldEveryText_IsReported(t *testing.T) {
	srv := start(t)
	for _, encoding := range []string{"LATIN2", "SQL_ASCII"} {
		name := "in_" + strings.ToLower(encoding)
		srv.do(srv.url(), "create database "+name+" encoding '"+encoding+"' template template0")
		url := strings.TrimSuffix(srv.url(), "postgres") + name
		err := srv.at(url, "ksef").Check(t.Context())
		if err == nil || !strings.Contains(err.Error(), "database "+name+" has the encoding "+encoding) {
			t.Errorf("Check = %v, want an error that names the encoding", err)
		}
		bad := message("inv-b", 1, "rejected", "\u2028")
		errs := srv.at(url, "ksef").Deliver(t.Context(), []sinks.Message{message("inv-a", 1, "accepted", ""), bad,
			message("inv-c", 1, "accepted", "")})
		if errs[0] != nil || errs[1] == nil || errs[2] != nil {
			t.Errorf("with the encoding %s, the errors are %v, want one for the second result alone", encoding, errs)
		}
		t.Logf("with the encoding %s, the database refuses the result: %v", encoding, errs[1])
	}
}
