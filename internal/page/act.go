package page

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"ksefworker/internal/actions"
	"ksefworker/internal/ledger"
)

// maxReason is how many characters a reason may have.
const maxReason = 500

// reason returns the visitor's reason for a dismissal, in one line. The error tells the visitor
// what is wrong with it.
func (v *decisions) reason() (string, error) {
	reason := strings.Join(strings.Fields(v.r.PostFormValue("reason")), " ")
	if reason == "" {
		return "", &shown{http.StatusBadRequest, "The reason is missing. It is kept on record, so go back and write why the document is not to be sent.", nil}
	}
	if utf8.RuneCountInString(reason) > maxReason {
		return "", &shown{http.StatusBadRequest, "The reason is too long: at most %d characters.", []any{maxReason}}
	}
	return reason, nil
}

// verbs are what a person can ask for about an open item.
var verbs = []string{"retry", "dismiss", "seen", "unseen"}

// actOnOne does what a person asks for about the invoice in the path.
func (v *decisions) actOnOne() error {
	if !v.MayAct() {
		return forbidden
	}
	verb := v.r.PathValue("action")
	if !slices.Contains(verbs, verb) {
		return missing
	}
	reason := ""
	if verb == "dismiss" {
		var err error
		if reason, err = v.reason(); err != nil {
			return err
		}
	}
	inv, err := v.single.entry()
	if err != nil {
		return err
	}
	if inv == nil {
		return missing
	}
	err = v.actOn(inv, verb, reason)
	if not, ok := errors.AsType[*actions.NotDoneError](err); ok {
		status := http.StatusConflict
		if not.Cause == actions.Unchecked {
			status = http.StatusServiceUnavailable
			v.p.o.Log.Warn().Err(not.Err).Str("id", inv.ID).Msg("not dismissed: the archive does not say whether KSeF has the invoice")
		}
		return &shown{status, notDone(not), nil}
	}
	if err != nil {
		return err
	}
	http.Redirect(v.w, v.r, "/invoices/"+url.PathEscape(inv.ID)+"?asked="+verb, http.StatusSeeOther)
	return nil
}

func (v *decisions) actOn(inv *ledger.Invoice, verb, reason string) error {
	allowed := inv.State.Open()
	switch verb {
	case "retry":
		allowed = allowed || inv.State == ledger.Dismissed
	case "dismiss":
		allowed = allowed || inv.State == ledger.Queued
	}
	if !allowed {
		return &actions.NotDoneError{Cause: actions.WrongState, State: inv.State}
	}
	switch verb {
	case "retry":
		return v.p.o.Actions.Retry(v.ctx(), inv, v.User.Name)
	case "seen", "unseen":
		return v.p.o.Actions.MarkSeen(v.ctx(), inv.NameOfOpen(), inv.Tenant, v.User.Name, verb == "seen")
	}
	return v.p.o.Actions.Dismiss(v.ctx(), inv, ledger.Dismissal{By: v.User.Name, Reason: reason})
}

// notDone returns the English text that says why nothing was done. [visit.T] translates it.
func notDone(not *actions.NotDoneError) string {
	switch not.Cause {
	case actions.NotKept:
		return "The document of this invoice is not kept any more. Hand the document in again, then retry the invoice."
	case actions.NumberInUse:
		return "Another document with the same number or ref is on its way or accepted."
	case actions.Has:
		return "The archive says that KSeF has this invoice. A queued invoice becomes accepted again by itself; retry any other."
	case actions.Unchecked:
		return "The archive does not say whether KSeF has this invoice. Nothing was done; try again later."
	case actions.Ended:
		return "This document has ended already."
	case actions.WrongState:
		return "This can't be done in its present state."
	}
	return "Its state has just changed. Look at it again."
}

// outcome is what became of one of several documents.
type outcome struct {
	ID, Number, Text string
	Done             bool
}

// actOnMany does what a person asks for about the documents that were picked in the list of open
// items.
func (v *decisions) actOnMany() error {
	if !v.MayAct() {
		return forbidden
	}
	v.here = "open"
	_ = v.r.ParseForm() // a bad form has no values
	verb, ids := v.r.PostForm.Get("do"), v.r.PostForm["id"]
	if !slices.Contains(verbs, verb) {
		return missing
	}
	if len(ids) == 0 {
		return &shown{http.StatusBadRequest, "Nothing was picked. Go back and pick the documents.", nil}
	}
	reason := ""
	if verb == "dismiss" {
		var err error
		if reason, err = v.reason(); err != nil {
			return err
		}
	}
	ids = ids[:min(len(ids), pageSize+maxListedRefusals)]
	var failed []outcome
	for _, id := range ids {
		o, err := v.actOnNamed(id, verb, reason)
		if err != nil {
			return err
		}
		if !o.Done {
			failed = append(failed, o)
		}
	}
	if len(failed) == 0 {
		to := url.Values{"done": {strconv.Itoa(len(ids))}}
		for _, name := range []string{"tenant", "seen"} {
			if value := v.r.PostForm.Get(name); value != "" {
				to.Set(name, value)
			}
		}
		http.Redirect(v.w, v.r, "/open?"+to.Encode(), http.StatusSeeOther)
		return nil
	}
	return v.render(http.StatusConflict, "outcome", v.T("Open items"), struct {
		Done   int64
		Failed []outcome
	}{int64(len(ids) - len(failed)), failed})
}

// actOnNamed acts on one item of the list. name is the id of an invoice, or for a refused document
// its tenant, "|" and its id.
func (v *decisions) actOnNamed(name, verb, reason string) (outcome, error) {
	o := outcome{ID: name}
	var err error
	if tenant, id, refused := strings.Cut(name, "|"); refused {
		o.ID = id
		err = v.actOnRefusal(tenant, id, verb, reason)
	} else {
		var inv *ledger.Invoice
		var unread *ledger.Unreadable
		inv, unread, err = v.look(name)
		switch {
		case err != nil:
		case unread != nil:
			err = v.notReadable(unread)
		case inv == nil:
			err = missing
		default:
			o.Number = inv.Number
			err = v.actOn(inv, verb, reason)
		}
	}
	if not, ok := errors.AsType[*actions.NotDoneError](err); ok {
		o.Text = v.T(notDone(not))
		return o, nil
	}
	if known, ok := errors.AsType[*shown](err); ok {
		o.Text = v.T(known.text)
		return o, nil
	}
	o.Done = err == nil
	return o, err
}

func (v *decisions) actOnRefusal(tenant, id, verb, reason string) error {
	if verb == "retry" {
		return &shown{http.StatusConflict,
			"It was never taken in, so there is nothing to send. Correct the document and hand it in again.", nil}
	}
	if !v.sees(tenant) {
		return missing
	}
	if verb != "dismiss" {
		if !strings.HasPrefix(id, "ref-") {
			return missing
		}
		return v.p.o.Actions.MarkSeen(v.ctx(), ledger.OpenName{ID: id, Tenant: tenant}, tenant, v.User.Name, verb == "seen")
	}
	for at := 0; at < maxKeptRefusals; at += 500 {
		some, err := v.p.o.Ledger.OpenRefusalsOf(v.ctx(), tenant, at, 500)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(some, func(r ledger.Refusal) bool { return r.ID == id }); i >= 0 {
			return v.p.o.Actions.DismissRefusal(v.ctx(), &some[i], ledger.Dismissal{By: v.User.Name, Reason: reason})
		}
		if len(some) == 0 {
			break
		}
	}
	return &actions.NotDoneError{Cause: actions.Ended}
}
