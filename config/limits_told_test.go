package config

import (
	"reflect"
	"testing"
)

func TestLimitsTold_KSeFWins_UnlessTheFileIsStricter(t *testing.T) {
	c := Default()
	c.Tenants = []Tenant{{
		NIP:    "5265877635",
		Limits: Groups{BatchSession: Rates{PerHour: 7}, InvoiceSend: Rates{PerHour: 9999, PerSecond: Unlimited}},
	}}
	c.Limits.Groups.SessionMisc.PerMinute = 60 // not the default
	told := map[string]Rates{
		"batchSession": {100, 200, 600}, "invoiceSend": {5, 30, 180}, "sessionMisc": {10, 120, 1200},
		"onlineSession": {20, 60, 240}, "sessionList": {Unlimited, Unlimited, Unlimited}, "invoiceStatus": {0, -7, 99}, "global": {1, 1, 1},
	}
	got, stricter := c.LimitsTold("5265877635", told)
	for group, want := range map[string]Rates{
		"batchSession":    {100, 200, 7},  // the file is stricter for the hour
		"invoiceSend":     {5, 30, 180},   // the file allows more
		"sessionMisc":     {10, 60, 1200}, // the general table is stricter, and not by default
		"onlineSession":   {20, 60, 240},  // the lower default does not count
		"sessionList":     {-1, -1, -1},   // no limit
		"invoiceStatus":   {30, 120, 99},  // only the figure for the hour can be used
		"invoiceDownload": {8, 16, 64},    // not told
	} {
		if got.ByName()[group] != want {
			t.Errorf("the limits of %s are %v, want %v", group, got.ByName()[group], want)
		}
	}
	if want := []string{"batchSession", "sessionMisc"}; !reflect.DeepEqual(stricter, want) {
		t.Errorf("the file is stricter in %q, want batchSession and sessionMisc", stricter)
	}
	if got, stricter := c.LimitsTold("5265877635", nil); got != c.LimitsOf("5265877635") || stricter != nil {
		t.Error("KSeF told nothing, but the limits are not those of the file, or a group is called stricter")
	}
}
