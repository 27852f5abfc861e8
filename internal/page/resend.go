package page

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"ksefworker/internal/actions"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
)

// Receivers does what a person decides about receivers. [actions.Receivers] implements it.
type Receivers interface {
	Resend(ctx context.Context, receiver, by, tenant string, ids ...string) (int, error)
	Rewind(ctx context.Context, receiver, by string, since time.Time) error
	Resume(ctx context.Context, receiver, by string) error
}

var _ Receivers = (*actions.Receivers)(nil)

// act does with a receiver what a person asks for:
//   - Send again the results that were given up.
//   - Send again all results since a day.
//   - Call the receiver at once.
//
// A visitor who sees only some of the receiver's results may do only the first of these, and only
// with the results that the visitor sees.
func (v *deliveries) act() error {
	v.here = "deliveries"
	if !v.MayAct() {
		return forbidden
	}
	r, err := v.receiver()
	if err != nil {
		return err
	}
	_ = v.r.ParseForm() // a bad form has no values
	form, done := v.r.PostForm, 0
	switch do := form.Get("do"); {
	case do == "resend" || do == "all":
		if done, err = v.resend(r, do == "all", form["id"], form.Get("tenant")); err != nil {
			return v.busy(err)
		}
	case !v.whole(r):
		return forbidden
	case do == "resume":
		err = v.p.o.Resend.Resume(v.ctx(), r.Name, v.User.Name)
	case do == "since":
		var since time.Time
		if since, err = time.ParseInLocation(time.DateOnly, form.Get("since"), invoice.Warsaw()); err != nil {
			return &shown{http.StatusBadRequest, "Choose the day from which everything is sent again.", nil}
		}
		err = v.p.o.Resend.Rewind(v.ctx(), r.Name, v.User.Name, since)
	default:
		return missing
	}
	if err != nil {
		return v.busy(err)
	}
	to := url.Values{"done": {strconv.Itoa(done)}}
	if t := form.Get("tenant"); t != "" {
		to.Set("tenant", t)
	}
	http.Redirect(v.w, v.r, "/deliveries/"+url.PathEscape(r.Name)+"?"+to.Encode(), http.StatusSeeOther)
	return nil
}

// resend sends again results that were given up and that the visitor sees. It sends those with
// these ids, or all. It returns how many results are sent.
func (v *deliveries) resend(r Receiver, all bool, ids []string, tenant string) (int, error) {
	if tenant != "" && !v.sees(tenant) {
		return 0, missing
	}
	if !all && len(ids) == 0 {
		return 0, &shown{http.StatusBadRequest, "Nothing was picked. Go back and pick the documents.", nil}
	}
	if all && tenant == "" && v.whole(r) {
		return v.p.o.Resend.Resend(v.ctx(), r.Name, v.User.Name, "")
	}
	mine, err := v.idsOfFailed(r, tenant)
	if err != nil {
		return 0, err
	}
	if !all {
		mine = slices.DeleteFunc(mine, func(id string) bool { return !slices.Contains(ids, id) })
	}
	if len(mine) == 0 {
		return 0, &shown{http.StatusConflict,
			"None of these results is given up any more. They were sent again, or they are still tried.", nil}
	}
	if tenant == "" && len(v.User.Tenants) == 1 {
		tenant = v.User.Tenants[0]
	}
	return v.p.o.Resend.Resend(v.ctx(), r.Name, v.User.Name, tenant, mine...)
}

// idsOfFailed returns the ids of the invoices and refused documents whose results were given up, as
// far as the visitor sees them. It reads every result that was given up.
func (v *deliveries) idsOfFailed(r Receiver, tenant string) ([]string, error) {
	var ids []string
	for at := 0; at < ledger.MaxFailed; at += deliveryChunk {
		some, more, err := v.p.o.Outbox.NewestFailed(v.ctx(), r.Name, at, deliveryChunk)
		if err != nil {
			return nil, err
		}
		var d delivered
		rows := make([]delivery, len(some))
		for i := range some {
			rows[i].Outcome = some[i].Outcome
		}
		if err := v.list(&d, rows, tenant, deliveryChunk); err != nil {
			return nil, err
		}
		for i := range d.Rows {
			ids = append(ids, d.Rows[i].ID)
		}
		if !more {
			break
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// busy returns an error with a text for the visitor, if err says that a worker serves the receiver.
// It returns any other error unchanged.
func (v *deliveries) busy(err error) error {
	if not, ok := errors.AsType[*actions.NotDoneError](err); ok && not.Cause == actions.Busy {
		return &shown{http.StatusConflict, "A worker is busy with this receiver. Try again in a minute.", nil}
	}
	return err
}
