package app

import (
	"regexp"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"ksefworker/internal/buildinfo"
)

var descParts = regexp.MustCompile(`^Desc\{fqName: "([^"]*)", help: .*, constLabels: \{([^}]*)\}, variableLabels: \{([^}]*)\}\}$`)

// DescribeMetrics returns all metrics of a worker, including those that have no series now. It maps
// the name of each metric to its labels, in the order of their declaration.
func DescribeMetrics(w *Worker) map[string]string {
	ch := make(chan *prometheus.Desc)
	go func() {
		defer close(ch)
		for _, c := range append(w.sources(newEvents(), newOutcomeMetrics()), buildInfo(buildinfo.Read())) {
			c.Describe(ch)
		}
	}()
	all := map[string]string{}
	for d := range ch {
		m := descParts.FindStringSubmatch(d.String())
		if m == nil {
			panic("the text with which the Prometheus library describes a metric has changed: " + d.String())
		}
		var labels []string
		for pair := range strings.SplitSeq(m[2], ",") {
			if name, _, ok := strings.Cut(pair, "="); ok {
				labels = append(labels, name)
			}
		}
		if m[3] != "" {
			labels = append(labels, strings.Split(m[3], ",")...)
		}
		all[m[1]] = strings.Join(labels, ", ")
	}
	return all
}
