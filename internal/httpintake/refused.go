package httpintake

import (
	"cmp"
	"errors"
	"net/http"
	"strings"

	"ksefworker/internal/actions"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// isRefusal reports whether an id is that of a refused document.
func isRefusal(id string) bool { return strings.HasPrefix(id, "ref-") }

// refusal returns the record of a refused document. The record is in the list of one of the
// client's tenants, or it is in the list of no tenant and the client handed the document in. For
// any other record the answer is the same as for one that does not exist.
func (co *core) refusal(c *call, id string) (*ledger.Refusal, error) {
	r, err := co.o.Ledger.FindRefusal(c.ctx(), id, append([]string{""}, c.tenants()...)...)
	if err != nil {
		return nil, notNow(err)
	}
	if err := c.settled(); err != nil {
		return nil, err
	}
	if r == nil || r.Tenant == "" && r.By != c.client.Name {
		return nil, &problem{kind: notFound, detail: text{
			en: "no refused document of yours has this id, or its record is not kept any more",
			pl: "żaden Twój odrzucony dokument nie ma tego id albo jego zapisu już nie ma"}}
	}
	return r, nil
}

func (sg *single) oneRefusal(c *call, id string) error {
	r, err := sg.refusal(c, id)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, answerOf(results.Explained(r)))
}

// notKeptRefused returns the answer to a call for a refused document itself, or for something made
// of it.
func notKeptRefused() *problem {
	return &problem{kind: notFound, detail: text{
		en: "this document was refused, and refused documents are not kept",
		pl: "ten dokument odrzucono, a odrzucone dokumenty nie są przechowywane"}}
}

// actOnRefusal dismisses a refused document. A retry is refused, because the document is not kept.
func (de *decisions) actOnRefusal(c *call, id, verb, reason string) error {
	r, err := de.refusal(c, id)
	if err != nil {
		return err
	}
	if verb == "retry" {
		return &problem{kind: conflict, detail: text{
			en: "this document was refused, and refused documents are not kept: correct it and hand it in",
			pl: "ten dokument odrzucono, a odrzucone dokumenty nie są przechowywane: popraw go i przekaż"}}
	}
	ended := &problem{kind: conflict, detail: text{
		en: "this refusal has ended already: ask for it to see how",
		pl: "ta sprawa jest już zakończona: zapytaj o nią, aby zobaczyć jak"}}
	if r.Ended != "" {
		return ended
	}
	err = de.o.Actions.DismissRefusal(c.ctx(), r, ledger.Dismissal{
		By: "client " + c.client.Name, Reason: cmp.Or(reason, "no reason was given")})
	if _, ok := errors.AsType[*actions.NotDoneError](err); ok {
		return ended
	}
	if err != nil {
		return notNow(err)
	}
	now, err := de.refusal(c, id)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, answerOf(results.Explained(now)))
}
