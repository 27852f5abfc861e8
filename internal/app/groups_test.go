package app_test

import (
	"testing"

	"ksefworker/config"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
)

// If the configuration's table of limits lacked a group of requests that the clients know, this
// group would silently get the figures of "other". The register of invoices, for example, would get
// 120 requests an hour, although KSeF allows only 20.
func TestLimits_EveryGroupOfTheClient_IsInTheTable(t *testing.T) {
	table := config.Default().Limits.Groups.ByName()
	for _, g := range ksef.Groups() {
		if _, listed := table[string(g.Counter())]; !listed && !g.Other() {
			t.Errorf("%s has no figures in the configuration", g)
		}
	}
	for _, g := range []string{ratelimit.GroupOnlineSession, ratelimit.GroupOnlineSessionClose, ratelimit.GroupInvoiceSend,
		ratelimit.GroupBatchSession, ratelimit.GroupBatchSessionClose, ratelimit.GroupInvoiceStatus, ratelimit.GroupSessionInvoiceList,
		ratelimit.GroupSessionMisc, ratelimit.GroupInvoiceDownload, ratelimit.GroupInvoiceMetadata, ratelimit.GroupInvoiceExport,
		ratelimit.GroupExportStatus, ratelimit.GroupSessionList, ratelimit.GroupAnonymous, ratelimit.GroupOther} {
		if _, listed := table[g]; !listed {
			t.Errorf("the limiter has a group %s, and the configuration has no figures for it", g)
		}
		delete(table, g)
	}
	if len(table) != 0 {
		t.Errorf("the configuration has figures for groups that the limiter does not have: %v", table)
	}
}
