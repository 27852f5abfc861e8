package direct

import (
	"context"
	"encoding/json"
	"errors"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
	"ksefworker/internal/ksef/lenient"
	"ksefworker/internal/ksef/numbers"
)

// Account has the requests of a taxpayer that are not about sending. They concern limits,
// certificates, tokens and logins. Safe for concurrent use.
type Account struct{ authorized }

// Account returns the account of the taxpayer to whom the tokens belong.
func (a *API) Account(tokens Tokens) Account { return Account{authorized{a, tokens}} }

// Account returns the account of the same taxpayer.
func (c *Client) Account() Account { return Account{c.authorized} }

type rateWire struct {
	PerSecond *int `json:"perSecond"`
	PerMinute *int `json:"perMinute"`
	PerHour   *int `json:"perHour"`
}

// RateLimits returns the limits that hold for this taxpayer now, by KSeF's names of the groups. -1
// means no limit. The map also has the groups that this program does not know. It leaves out a
// group whose limits cannot be read. An answer without limits of invoiceSend is an error.
func (a Account) RateLimits(ctx context.Context) (map[string]numbers.Rate, error) {
	var wire map[string]json.RawMessage
	k := get("read rate limits", ksef.GroupRateLimits, "/rate-limits")
	out := map[string]numbers.Rate{}
	err := a.do(ctx, k, func(r *httponce.Answer) error {
		return r.Checked(&wire, func() error {
			for group, raw := range wire {
				var rate rateWire
				if json.Unmarshal(raw, &rate) != nil || rate.PerSecond == nil || rate.PerMinute == nil || rate.PerHour == nil {
					continue
				}
				out[group] = numbers.Rate{PerSecond: *rate.PerSecond, PerMinute: *rate.PerMinute, PerHour: *rate.PerHour}
			}
			if _, ok := out[string(ksef.GroupInvoiceSend)]; !ok {
				return errors.New("answer has no limit of invoiceSend")
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// SessionLimits bound the sessions of one kind. 0 means that KSeF did not tell the limit.
type SessionLimits struct {
	MaxInvoiceMB               int // 10⁶ bytes
	MaxInvoiceWithAttachmentMB int
	MaxInvoices                int
}

// ContextLimits bound the sessions of a taxpayer.
type ContextLimits struct{ Online, Batch SessionLimits }

type contextLimitsWire struct {
	OnlineSession sessionLimitsWire `json:"onlineSession"`
	BatchSession  sessionLimitsWire `json:"batchSession"`
}

type sessionLimitsWire struct {
	MaxInvoiceSizeInMB               lenient.Int `json:"maxInvoiceSizeInMB"`
	MaxInvoiceWithAttachmentSizeInMB lenient.Int `json:"maxInvoiceWithAttachmentSizeInMB"`
	MaxInvoices                      lenient.Int `json:"maxInvoices"`
}

func (w sessionLimitsWire) limits() SessionLimits {
	return SessionLimits{int(w.MaxInvoiceSizeInMB), int(w.MaxInvoiceWithAttachmentSizeInMB), int(w.MaxInvoices)}
}

// ContextLimits returns the bounds of this taxpayer's sessions.
func (a Account) ContextLimits(ctx context.Context) (ContextLimits, error) {
	var wire contextLimitsWire
	k := get("read limits of sessions", ksef.GroupContextLimits, "/limits/context")
	if err := a.do(ctx, k, func(r *httponce.Answer) error { return r.JSON(&wire) }); err != nil {
		return ContextLimits{}, err
	}
	return ContextLimits{wire.OnlineSession.limits(), wire.BatchSession.limits()}, nil
}
