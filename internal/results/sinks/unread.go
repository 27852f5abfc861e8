package sinks

import (
	"context"

	"ksefworker/internal/ledger"
)

// noteUnread records the entries and records that cannot be read, so that the metric and readiness
// name them, and logs those that were not recorded before.
func noteUnread(ctx context.Context, r *round, edited []Edited) error {
	var unread []ledger.Unreadable
	for i := range edited {
		if u := edited[i].Unread; u != nil {
			unread = append(unread, *u)
			r.sick[edited[i].Tenant] = r.sick[edited[i].Tenant] || u.ID == u.Key // the key of all records is sick
		}
	}
	fresh, err := r.Editor.Ledger.NoteUnreadable(ctx, unread)
	for _, u := range fresh {
		r.Log.Error().Str("receiver", r.Name).Str("id", u.ID).Str("key", u.Key).Str("tenant", u.Tenant).Err(u.Err).
			Msg("a result waits, because the entry or record that it is about cannot be read")
	}
	return err
}

// sayUntold puts on record why results of a tenant wait, whatever the receiver answers. Either the
// tenant is a stranger, or the records of its refused documents are sick. It takes the reason away
// where no results wait, and where the reason has ended.
func sayUntold(ctx context.Context, r *round) error {
	for tenant, st := range r.standings {
		why, sick := "", false
		switch {
		case r.stranger(tenant):
			if st.Left > 0 || st.Held > 0 {
				why = whyStranger(r, tenant).Error()
			}
		case tenant != "" && st.Held > 0 && (st.Sick || r.sick[tenant]):
			u, err := r.Editor.Ledger.SickRefused(ctx, tenant)
			if err != nil {
				return err
			}
			if sick = u != nil; sick {
				why = u.Err.Error()
			}
		}
		if st.Err != why || st.Sick != sick {
			st = r.standing(tenant)
			st.Err, st.Sick = why, sick
		}
	}
	return nil
}
