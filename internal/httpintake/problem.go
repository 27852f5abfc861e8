package httpintake

import (
	"errors"
	"net/http"
	"time"

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
// be done now. The same call can succeed later.
func notNow(err error) error {
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

func bad(en, pl string) error { return &problem{kind: badRequest, detail: text{en: en, pl: pl}} }
