package httpintake

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/audit"
)

// Redis is well, and the key of the audit log is of another type. The answer does not blame Redis.
// It names the key, in both languages, and the caller waits for a person.
func TestNotNow_AuditLogIsSick_NamesItsKey(t *testing.T) {
	err := notNow(fmt.Errorf("dismiss: %w", &audit.SickError{Key: "ksef:audit", Err: errors.New("WRONGTYPE")}))
	p, ok := errors.AsType[*problem](err)
	if !ok || p.kind != unavailable || p.after != time.Minute || !strings.Contains(p.detail.en, "the key audit") ||
		!strings.Contains(p.detail.pl, "klucz audit") {
		t.Errorf("the problem is %+v, want one that is tried again after a minute and names the key", err)
	}
}
