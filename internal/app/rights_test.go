package app_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// docs/redis.md gives a command that makes a user with few rights. These rights are enough for
// everything that a worker does.
func TestRights_UserOfTheDocs_IsEnough(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^ACL SETUSER worker .*$`).FindString(string(page))
	if line == "" {
		t.Fatal("docs/redis.md has no line that begins with ACL SETUSER worker")
	}
	p := newPool(t, 1, quickSim, hasty)
	args := []any{}
	for word := range strings.FieldsSeq(strings.ReplaceAll(line, "PASSWORD", "secret")) {
		args = append(args, word)
	}
	if err := p.base.Redis.Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
	few := newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		c.Redis.URL = strings.Replace(p.redis.URL(), "redis://", "redis://worker:secret@", 1)
	})
	few.work()
	docs := good(sample.NIP(0), 8)
	taken := append(few.admit(intake.Terms{Lane: ledger.Express}, docs[:3]...), few.admit(intake.Terms{Lane: ledger.Bulk}, docs[3:]...)...)
	few.wait(90*time.Second, taken, ledger.Receipted)
	few.balanced(8)
	denied := p.base.Redis.Do(t.Context(), "ACL", "LOG").Val()
	if log, _ := denied.([]any); len(log) != 0 {
		t.Errorf("Redis refused commands of the worker: %v", log)
	}
	if err := few.base.Redis.ConfigSet(t.Context(), "maxmemory", "1gb").Err(); err == nil {
		t.Error("the user may change the server's settings")
	}
	if err := few.base.Redis.Set(t.Context(), "other", "1", 0).Err(); err == nil {
		t.Error("the user may write keys that are not under ksef: or asynq:")
	}
}
