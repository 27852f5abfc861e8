package page_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"ksefworker/internal/ledger"
	"ksefworker/internal/page"
	"ksefworker/internal/ratelimit"
)

func TestOverview_Limits_ShowsTheLimitWithTheLeastLeft(t *testing.T) {
	w := newWorld(t, nil)
	_, body, _ := w.as("olga").get("/", "Accept-Language", "pl")
	for text, want := range map[string]int{
		"Otwarcie sesji wsadowej: pozostało 3 z 60 w ciągu godziny": 1, // the limit of A
		`class="meter warn"`: 1, `data-l="Limit najbliższy wyczerpania"></td>`: 1, // B has used no limit
		"Wysłanie faktury w sesji interaktywnej": 0, // A has more left of this limit
	} {
		if got := strings.Count(body, text); got != want {
			t.Errorf("the overview has %s %d times, want %d", text, got, want)
		}
	}
}

// sickLimits are limits that cannot be read.
type sickLimits struct{ free }

func (sickLimits) Usages(context.Context) (map[ratelimit.Key]ratelimit.Usage, error) {
	return nil, errors.New("no answer")
}

func TestOverview_LimitsCannotBeRead_TheRestIsShownAndTheLogSaysSo(t *testing.T) {
	w := newWorld(t, func(o *page.Options) { o.Limits = sickLimits{} })
	status, body, _ := w.as("anna").get("/")
	if status != 200 || !strings.Contains(body, `<a href="/tenants/A">`) || !strings.Contains(w.log.String(), "what is left of the limits") {
		t.Errorf("the overview has status %d, want 200, or lacks tenant A, or the log does not name the limits: %s",
			status, w.log.String())
	}
}

// An online session may stay open after its last invoice has its KSeF number. Nothing is uploaded
// then.
func TestSessions_OnlineSessionIsOpen_IsNotCalledAnUpload(t *testing.T) {
	w := newWorld(t, nil)
	id := w.take("A", sellerA, "S/1", ledger.Queued, "")
	_, err := w.ledger.OpenOnline(t.Context(), ledger.Package{ID: "pkg-online", Tenant: "A", Form: "v3", Session: "session-1", Owner: "w1"})
	w.check(err)
	inv, err := w.ledger.Invoice(t.Context(), id)
	w.check(err)
	_, _, err = w.ledger.BeginSend(t.Context(), "pkg-online", "w1", &inv)
	w.check(err)
	for language, stage := range map[string]string{
		"en": "open: invoices are sent in it one by one", "pl": "otwarta: faktury są w niej wysyłane pojedynczo",
	} {
		for _, path := range []string{"/", "/invoices/" + id} {
			_, body, _ := w.as("adam").get(path, "Accept-Language", language)
			if !strings.Contains(body, stage) || strings.Contains(body, ">being uploaded") || strings.Contains(body, ">przesyłana do") {
				t.Errorf("%s in %s does not say that the session is open, or calls it an upload:\n%s", path, language, body)
			}
		}
	}
}
