package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ksefworker/config"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// Without Redis's command XADD no outcome would reach the outbox, so no receiver would ever be told
// a result, and no error would show that. So a program whose Redis user lacks the right refuses to
// start.
func TestRights_UserMayNotWriteOutcomes_ProgramsRefuseAndSayWhichCommand(t *testing.T) {
	s := newSite(t, simulator.Options{Profile: simulator.Production})
	if err := s.rdb.Do(t.Context(), "ACL", "SETUSER", "few", "on", ">secret", "~*", "&*", "+@all", "-xadd").Err(); err != nil {
		t.Fatal(err)
	}
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.configure(1, func(c *config.Config) { c.Redis.Username, c.Redis.PasswordFile = "few", password })
	dir := s.export("a", sample.NIP(0), 1)
	for name, args := range map[string][]string{"worker": nil, "enqueue": {"submit", dir}} {
		code, out := runProgram(s, program(t, name), args...)
		if code != 2 || !strings.Contains(out, "redis refuses XADD to its user") || !strings.Contains(out, "docs/redis.md") {
			t.Errorf("%s ended with exit code %d, want 2 and a text that names XADD and docs/redis.md:\n%s", name, code, out)
		}
	}
	if counts, err := s.ledger.Counts(t.Context()); err != nil || counts["queued"] != 0 {
		t.Errorf("the ledger counts %v (%v), want no invoice taken in", counts, err)
	}
}
