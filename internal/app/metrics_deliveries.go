package app

import "github.com/prometheus/client_golang/prometheus"

func sinkDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("ksef_results_"+name, help+" Every worker reports the same figure.", []string{"receiver"}, nil)
}

var (
	sinkWaiting = sinkDesc("waiting", "Outcomes that a receiver has not been told yet, those that are held included.")
	sinkHeld    = sinkDesc("held", "Invoices with an outcome that a receiver did not take and that is tried again.")
	sinkFailed  = sinkDesc("failed", "Outcomes that a receiver did not take in three days and that are not tried any more.")
	sinkLost    = sinkDesc("lost_total", "Outcomes that left the outbox, or whose records were dropped, before a receiver could be told.")
	sinkOut     = sinkDesc("receiver_down", "1 while a receiver takes nothing, wants nothing any more, or is told nothing because one of its keys in Redis, or the outbox, is sick.")
	sinkUp      = up("results")
)

// Describe implements prometheus.Collector.
func (d *deliveries) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{sinkWaiting, sinkHeld, sinkFailed, sinkLost, sinkOut, sinkUp} {
		ch <- desc
	}
}

// Collect implements prometheus.Collector.
func (d *deliveries) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := scrape()
	defer cancel()
	all, err := d.standing(ctx)
	gauge(ch, sinkUp, boolValue(err == nil))
	for _, b := range all {
		if b.sick != nil { // its figures are not known
			gauge(ch, sinkOut, 1, b.name)
			continue
		}
		gauge(ch, sinkWaiting, float64(b.waiting+b.held), b.name)
		gauge(ch, sinkHeld, float64(b.held), b.name)
		gauge(ch, sinkFailed, float64(b.failed), b.name)
		ch <- prometheus.MustNewConstMetric(sinkLost, prometheus.CounterValue, float64(b.lost), b.name)
		gauge(ch, sinkOut, boolValue(!b.outage.IsZero() || !b.stopped.IsZero()), b.name)
	}
}
