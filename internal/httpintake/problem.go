package httpintake

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/actions"
	"ksefworker/internal/ledger"
)

// kind is a kind of problem. It has the status, and a name that a program can compare.
type kind struct {
	status int
	name   string
	title  text
}

// The kinds of problems. The list is closed; openapi.yaml has it too.
var (
	badRequest = kind{http.StatusBadRequest, "bad-request",
		text{en: "The call cannot be understood", pl: "Wywołanie jest niezrozumiałe"}}
	unauthorized = kind{http.StatusUnauthorized, "unauthorized",
		text{en: "No valid key", pl: "Brak ważnego klucza"}}
	notFound = kind{http.StatusNotFound, "not-found",
		text{en: "Not found", pl: "Nie znaleziono"}}
	methodNotAllowed = kind{http.StatusMethodNotAllowed, "method-not-allowed",
		text{en: "Wrong method", pl: "Niewłaściwa metoda"}}
	slow = kind{http.StatusRequestTimeout, "slow-body",
		text{en: "The body arrives too slowly", pl: "Treść przychodzi zbyt wolno"}}
	conflict = kind{http.StatusConflict, "conflict",
		text{en: "Not possible in this state", pl: "Niemożliwe w tym stanie"}}
	outdated = kind{http.StatusGone, "cursor-too-old",
		text{en: "The cursor is too old", pl: "Kursor jest zbyt stary"}}
	tooLarge = kind{http.StatusRequestEntityTooLarge, "too-large",
		text{en: "The body is too large", pl: "Treść jest zbyt duża"}}
	unsupported = kind{http.StatusUnsupportedMediaType, "unsupported-media-type",
		text{en: "This type of body is not taken", pl: "Nieobsługiwany typ treści"}}
	refusedAll = kind{http.StatusUnprocessableEntity, "refused",
		text{en: "Nothing was taken", pl: "Niczego nie przyjęto"}}
	keyReused = kind{http.StatusUnprocessableEntity, "idempotency-key-reused",
		text{en: "Idempotency-Key was used for another call", pl: "Idempotency-Key użyto dla innego wywołania"}}
	tooMany = kind{http.StatusTooManyRequests, "too-many-requests",
		text{en: "Too many calls", pl: "Zbyt wiele wywołań"}}
	unavailable = kind{http.StatusServiceUnavailable, "unavailable",
		text{en: "Not possible at the moment", pl: "Chwilowo niemożliwe"}}
	internal = kind{http.StatusInternalServerError, "internal",
		text{en: "A fault of this program", pl: "Błąd tego programu"}}
)

// problem is an unsuccessful answer, as RFC 9457 defines it.
type problem struct {
	kind   kind
	detail text
	after  time.Duration // Retry-After; 0: none
	items  []item        // the answers about documents, where there are some
	cause  error         // for the log only
}

// Error returns the English text, for the log.
func (p *problem) Error() string {
	s := p.kind.name
	if p.detail.en != "" {
		s += ": " + p.detail.en
	}
	if p.cause != nil {
		s += ": " + p.cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (p *problem) Unwrap() error { return p.cause }

type problemBody struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	RequestID string `json:"request_id"`
	Items     []item `json:"items,omitempty"`
}

func (p *problem) body(c *call) problemBody {
	return problemBody{
		Type: "urn:ksef-worker:problem:" + p.kind.name, Title: p.kind.title.in(c.lang), Status: p.kind.status,
		Detail: p.detail.in(c.lang), RequestID: c.id, Items: p.items,
	}
}

// notNow returns the problem when Redis fails, or when the pool is in a state in which nothing can
// be done now. The same call can succeed later. The problem is that of [inPart] if a person has to
// look first.
func notNow(err error) error {
	unread, _ := ledger.Skip(err)
	if slices.ContainsFunc(unread, func(u ledger.Unreadable) bool { return u.Shared() || ledger.Damaged(u.Err) }) {
		return inPart(unread)
	}
	if actions.Unrecorded(err) {
		return &problem{kind: unavailable, after: time.Minute, cause: err, detail: text{
			en: "nothing was done, because it could not be recorded: the key audit in Redis was written by another program; " +
				"the server's operator has to look, see docs/redis.md",
			pl: "nic nie zrobiono, bo nie można było tego zapisać: klucz audit w Redisie zapisał inny program; " +
				"musi to sprawdzić administrator serwera, zob. docs/redis.md"}}
	}
	p := &problem{kind: unavailable, after: 5 * time.Second, cause: err, detail: text{
		en: "the ledger (Redis) does not answer or may not be used at the moment; call again, nothing is sent twice",
		pl: "rejestr (Redis) nie odpowiada lub nie może być teraz użyty; wywołaj ponownie, nic nie zostanie wysłane dwa razy"}}
	if full, ok := errors.AsType[*ledger.FullError](err); ok {
		p.after = time.Minute
		p.detail = text{
			en: full.Error(),
			pl: "Redis jest prawie pełny: nowe faktury będą przyjmowane, gdy przyjęte wcześniej otrzymają UPO",
		}
	}
	return p
}

// maxKeys is how many keys a problem names.
const maxKeys = 3

// inPart returns the problem when Redis is well, and a part of the ledger cannot be read: keys that
// hold another type than the ledger writes, or damaged entries. Then nobody knows whether the
// ledger has what the call asks for. The problem names the keys, and no entries, because an entry
// may be another client's.
func inPart(unread []ledger.Unreadable) *problem {
	var keys []string
	for _, u := range unread {
		if u.Shared() && !slices.Contains(keys, u.Key) && len(keys) < maxKeys {
			keys = append(keys, u.Key)
		}
	}
	names := ""
	if len(keys) > 0 {
		names = " (" + strings.Join(keys, ", ") + ")"
	}
	return &problem{kind: unavailable, after: time.Minute, cause: &ledger.UnreadableError{Entries: unread}, detail: text{
		en: "a part of the ledger cannot be read" + names + ", so this call cannot be answered, and that does not prove that something " +
			"is missing; nothing is sent twice; do not send an invoice in another way: " +
			"the server's operator has to look, see ksef_unreadable_entries",
		pl: "części rejestru nie można odczytać" + names + ", więc nie można na to odpowiedzieć i nie dowodzi to, że czegoś nie ma; " +
			"nic nie zostanie wysłane dwa razy; nie wysyłaj faktury inną drogą: musi to sprawdzić administrator serwera, " +
			"zob. ksef_unreadable_entries"}}
}

func bad(en, pl string) error { return &problem{kind: badRequest, detail: text{en: en, pl: pl}} }
