package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"ksefworker/internal/ksef/numbers"
)

// Unlimited as a rate removes the limit of that window.
const Unlimited = -1

// Rates are the requests that one taxpayer may make in sliding windows of a second, a minute and an
// hour. All three limits apply at once.
type Rates struct {
	// PerSecond, PerMinute and PerHour are counts. -1 means no limit. In a tenant's limits, 0 means
	// the figure in limits.groups.
	PerSecond int `yaml:"per_second" env:"PER_SECOND"`
	PerMinute int `yaml:"per_minute" env:"PER_MINUTE"`
	PerHour   int `yaml:"per_hour" env:"PER_HOUR"`
}

// Groups are the groups of operations that KSeF counts separately. Groups is a struct and not a
// map. So a misspelt group is an unknown key, and a file that changes one figure keeps the others.
type Groups struct {
	OnlineSession      Rates `yaml:"onlineSession" envPrefix:"ONLINE_SESSION_"`
	OnlineSessionClose Rates `yaml:"onlineSessionClose" envPrefix:"ONLINE_SESSION_CLOSE_"`
	InvoiceSend        Rates `yaml:"invoiceSend" envPrefix:"INVOICE_SEND_"`
	BatchSession       Rates `yaml:"batchSession" envPrefix:"BATCH_SESSION_"`
	BatchSessionClose  Rates `yaml:"batchSessionClose" envPrefix:"BATCH_SESSION_CLOSE_"`
	InvoiceStatus      Rates `yaml:"invoiceStatus" envPrefix:"INVOICE_STATUS_"`
	SessionInvoiceList Rates `yaml:"sessionInvoiceList" envPrefix:"SESSION_INVOICE_LIST_"`
	SessionMisc        Rates `yaml:"sessionMisc" envPrefix:"SESSION_MISC_"`
	InvoiceDownload    Rates `yaml:"invoiceDownload" envPrefix:"INVOICE_DOWNLOAD_"`
	// InvoiceMetadata is the query of the register that finds the original of a duplicate.
	InvoiceMetadata     Rates `yaml:"invoiceMetadata" envPrefix:"INVOICE_METADATA_"`
	InvoiceExport       Rates `yaml:"invoiceExport" envPrefix:"INVOICE_EXPORT_"`
	InvoiceExportStatus Rates `yaml:"invoiceExportStatus" envPrefix:"INVOICE_EXPORT_STATUS_"`
	SessionList         Rates `yaml:"sessionList" envPrefix:"SESSION_LIST_"`
	// Anonymous is logging in to KSeF itself, which KSeF counts for each address.
	Anonymous Rates `yaml:"anonymous" envPrefix:"ANONYMOUS_"`
	// Other applies to each remaining operation separately.
	Other Rates `yaml:"other" envPrefix:"OTHER_"`
}

// Limits says how the pool keeps within what KSeF allows.
type Limits struct {
	// Margin lengthens every window, because network jitter could bring the requests of two windows
	// into one window of KSeF; 0 to 5s. Measured: with jitter up to 300ms and no margin, the server
	// saw 35 requests where 30 a minute are allowed.
	Margin time.Duration `yaml:"margin" env:"MARGIN"`
	// MaxSleep is the maximum wait that a task spends sleeping; 0 to 30s. For a longer wait the
	// task returns its worker slot.
	MaxSleep time.Duration `yaml:"max_sleep" env:"MAX_SLEEP"`
	// Scale divides the length of every window: 60 makes an hour a minute. For tests against a
	// simulator with the same scale; 1 to 3600. Only the environment custom may have another value
	// than 1, because the windows of the real KSeF are fixed.
	Scale float64 `yaml:"scale" env:"SCALE"`
	// ExpressShare is the share of single sends (invoiceSend) that is left free for urgent
	// invoices; 0 to 0.9. An invoice is urgent when a person asked for lane express, or when its
	// deadline or midnight is near. All other single sends use no more than the rest. Besides this
	// share, one send of each window is always left free.
	ExpressShare float64 `yaml:"express_share" env:"EXPRESS_SHARE"`
	// Groups is the table for taxpayers without figures of their own.
	Groups Groups `yaml:"groups" envPrefix:"GROUPS_"`
}

// The table is KSeF's own (package numbers). The Ministry raises it for a taxpayer on request. The
// limiter has no table of its own.
func defaultLimits() Limits {
	l := Limits{Margin: 300 * time.Millisecond, MaxSleep: 2 * time.Second, Scale: 1, ExpressShare: 0.2}
	rates := numbers.Rates()
	groups := reflect.ValueOf(&l.Groups).Elem()
	for i := range groups.NumField() {
		r := rates[groups.Type().Field(i).Tag.Get("yaml")]
		groups.Field(i).Set(reflect.ValueOf(Rates(r)))
	}
	return l
}

// ByName returns the table by KSeF's names of the groups: onlineSession, invoiceSend and so on.
func (g Groups) ByName() map[string]Rates {
	m := make(map[string]Rates)
	v := reflect.ValueOf(g)
	for i := range v.NumField() {
		m[v.Type().Field(i).Tag.Get("yaml")] = v.Field(i).Interface().(Rates)
	}
	return m
}

// overlaid returns g with every figure that top sets.
func (g Groups) overlaid(top Groups) Groups {
	over := reflect.ValueOf(top)
	out := reflect.ValueOf(&g).Elem()
	for i := range out.NumField() {
		r := over.Field(i).Interface().(Rates)
		o := out.Field(i).Addr().Interface().(*Rates)
		set := func(dst *int, n int) {
			if n != 0 {
				*dst = n
			}
		}
		set(&o.PerSecond, r.PerSecond)
		set(&o.PerMinute, r.PerMinute)
		set(&o.PerHour, r.PerHour)
	}
	return g
}

func (g Groups) check(f *faults, at string, mayInherit bool) {
	v := reflect.ValueOf(g)
	for i := range v.NumField() {
		r := v.Field(i).Interface().(Rates)
		name := at + v.Type().Field(i).Tag.Get("yaml")
		for _, w := range []struct {
			key string
			n   int
		}{{"per_second", r.PerSecond}, {"per_minute", r.PerMinute}, {"per_hour", r.PerHour}} {
			if w.n < Unlimited || w.n > 1_000_000 || (w.n == 0 && !mayInherit) {
				f.add(name+"."+w.key, w.n, errors.New("must be 1 to 1,000,000, or -1 for no limit"))
			}
		}
	}
}

func (l Limits) check(f *faults, e Environment) {
	f.duration("limits.margin", l.Margin, 0, 5*time.Second)
	// When Redis has lost the limiter's clock, the clock may begin again as early as half a minute
	// before the newest booked instant. So no caller may book more than half a minute ahead
	// (package ratelimit, clock.go).
	f.duration("limits.max_sleep", l.MaxSleep, 0, 30*time.Second)
	if !(l.Scale >= 1 && l.Scale <= 3600) { // written so that NaN fails, too
		f.add("limits.scale", l.Scale, errors.New("must be between 1 and 3600"))
	} else if l.Scale != 1 && e != Custom {
		f.add("limits.scale", l.Scale, errors.New("is only for environment custom: the windows of the real KSeF cannot be scaled"))
	}
	if !(l.ExpressShare >= 0 && l.ExpressShare <= 0.9) {
		f.add("limits.express_share", l.ExpressShare, errors.New("must be between 0 and 0.9"))
	}
	l.Groups.check(f, "limits.groups.", false)
}

// String returns text such as "10/s 30/min 180/h". A window without limit is shown as "-", and
// rates without any limit as "without limit".
func (r Rates) String() string {
	if r == (Rates{PerSecond: Unlimited, PerMinute: Unlimited, PerHour: Unlimited}) {
		return "without limit"
	}
	word := func(n int) string {
		if n == Unlimited {
			return "-"
		}
		return fmt.Sprint(n)
	}
	return strings.Join([]string{word(r.PerSecond) + "/s", word(r.PerMinute) + "/min", word(r.PerHour) + "/h"}, " ")
}
