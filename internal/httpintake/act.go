package httpintake

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"ksefworker/internal/actions"
	"ksefworker/internal/ledger"
)

// act retries or dismisses an invoice: POST /v1/invoices/ID:retry, :dismiss.
func (de *decisions) act(c *call) error {
	id, verb, _ := strings.Cut(c.r.PathValue("action"), ":")
	if err := de.o.Fit(); err != nil {
		return notNow(err)
	}
	reason, err := de.reason(c)
	if err != nil {
		return err
	}
	if verb == "retry" && reason != "" {
		return bad("retry keeps no reason: call it without a body", "ponowienie nie zapisuje powodu: wywołaj je bez treści")
	}
	if isRefusal(id) {
		return de.actOnRefusal(c, id, verb, reason)
	}
	inv, err := de.invoice(c, id)
	if err != nil {
		return err
	}
	by := "client " + c.client.Name
	allowed := inv.State.Open() || inv.State == ledger.Dismissed
	if verb == "dismiss" {
		allowed = inv.State.Open() || inv.State == ledger.Queued
	}
	switch {
	case !allowed:
		err = &actions.NotDoneError{Cause: actions.WrongState, State: inv.State}
	case verb == "retry":
		err = de.o.Actions.Retry(c.ctx(), &inv, by)
	default:
		err = de.o.Actions.Dismiss(c.ctx(), &inv, ledger.Dismissal{By: by, Reason: cmp.Or(reason, "no reason was given")})
	}
	if not, ok := errors.AsType[*actions.NotDoneError](err); ok {
		return notDone(not, verb, inv.State)
	}
	if err != nil {
		return notNow(err)
	}
	return de.answerNow(c, id)
}

func (de *decisions) answerNow(c *call, id string) error {
	inv, err := de.invoice(c, id)
	if err != nil {
		return err
	}
	found, err := de.o.Inquiry.Results(c.ctx(), []ledger.Invoice{inv})
	if err != nil {
		return notNow(err)
	}
	return c.json(http.StatusOK, answerOf(found[0]))
}

// reason reads {"reason": "…"}. Without a body, the reason is "".
func (de *decisions) reason(c *call) (string, error) {
	const maxLength = 500
	malformed := bad(`the body must be empty or {"reason": "…"} with at most 500 characters`,
		`treść musi być pusta albo mieć postać {"reason": "…"}, najwyżej 500 znaków`)
	raw, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, 16<<10))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "", tooSlow(c)
	}
	if err != nil {
		return "", malformed
	}
	c.unhurried()
	raw = bytes.TrimPrefix(raw, []byte(byteOrderMark))
	if len(strings.TrimSpace(string(raw))) == 0 {
		return "", nil
	}
	var body struct {
		Reason string `json:"reason"`
	}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if d.Decode(&body) != nil || utf8.RuneCountInString(body.Reason) > maxLength {
		return "", malformed
	}
	if _, err := d.Token(); err != io.EOF {
		return "", malformed
	}
	return strings.Join(strings.Fields(body.Reason), " "), nil
}

func notDone(not *actions.NotDoneError, verb string, state ledger.State) error {
	p := &problem{kind: conflict, cause: not}
	switch not.Cause {
	case actions.WrongState:
		from := "rejected, parked, dismissed"
		if verb == "dismiss" {
			from = "queued, rejected, parked"
		}
		p.detail = text{en: "the invoice is " + string(state) + "; " + verb + " is for invoices that are " + from,
			pl: "jej stan to " + string(state) + "; " + verb + " jest dla faktur w stanie " + from}
	case actions.NotKept:
		p.detail = text{en: "its document was deleted (storage.keep_rejected): hand it in again, then retry it",
			pl: "jej dokument usunięto (storage.keep_rejected): przekaż go ponownie, a potem ponów"}
	case actions.NumberInUse:
		p.detail = text{en: "another document with the same number or ref is alive or accepted, or its own state just changed",
			pl: "inny dokument z tym samym numerem lub ref jest w toku albo przyjęty, lub jej stan właśnie się zmienił"}
	case actions.Has:
		p.detail = text{en: "KSeF has it as " + not.KsefNumber + ", as the archive says, although the ledger does not yet; " +
			"a queued invoice becomes accepted again by itself, any other one when it is retried",
			pl: "KSeF ma ją jako " + not.KsefNumber + ", jak wynika z archiwum, choć rejestr tego jeszcze nie ma; " +
				"faktura w kolejce sama znów będzie przyjęta, inna po ponowieniu"}
	case actions.Unchecked:
		p.kind, p.after = unavailable, time.Minute
		p.detail = text{en: "the archive does not say whether KSeF has it; nothing was done, call again",
			pl: "archiwum nie mówi, czy KSeF ją ma; nic nie zmieniono, wywołaj ponownie"}
	default:
		p.detail = text{en: "its state just changed; ask for it again", pl: "jej stan właśnie się zmienił; zapytaj o nią ponownie"}
	}
	return p
}
