package config

import (
	"reflect"
	"slices"
)

// LimitsTold returns a tenant's limits after KSeF itself has reported its figures. The map told has
// these figures, by KSeF's names of the groups. -1 means no limit. KSeF's figure wins unless the
// file sets a stricter one. The file sets a figure when the tenant has it, or when the figure in
// limits.groups is not the default. The default does not count as set, because it is what the
// Ministry publishes for everybody, and KSeF may have granted this taxpayer more. Groups of which
// KSeF tells nothing keep their figures. stricter names the groups in which the file wins, sorted.
func (c Config) LimitsTold(name string, told map[string]Rates) (limits Groups, stricter []string) {
	limits = c.LimitsOf(name)
	tenant, _ := c.Tenant(name)
	own, general, published := tenant.Limits.ByName(), c.Limits.Groups.ByName(), defaultLimits().Groups.ByName()
	out := reflect.ValueOf(&limits).Elem()
	for i := range out.NumField() {
		group := out.Type().Field(i).Tag.Get("yaml")
		k, ok := told[group]
		if !ok {
			continue
		}
		r := out.Field(i).Addr().Interface().(*Rates)
		wins := false
		for _, w := range []struct {
			effective                     *int
			told, own, general, byDefault int
		}{
			{&r.PerSecond, k.PerSecond, own[group].PerSecond, general[group].PerSecond, published[group].PerSecond},
			{&r.PerMinute, k.PerMinute, own[group].PerMinute, general[group].PerMinute, published[group].PerMinute},
			{&r.PerHour, k.PerHour, own[group].PerHour, general[group].PerHour, published[group].PerHour},
		} {
			set := w.own
			if set == 0 && w.general != w.byDefault {
				set = w.general
			}
			switch {
			case w.told == 0 || w.told < Unlimited: // no figure
			case set > 0 && (w.told == Unlimited || set < w.told):
				*w.effective, wins = set, true
			default:
				*w.effective = w.told
			}
		}
		if wins {
			stricter = append(stricter, group)
		}
	}
	slices.Sort(stricter)
	return limits, stricter
}
