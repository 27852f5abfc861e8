package app_test

import (
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/app"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// metricRow is a row of docs/metrics.md.
type metricRow struct{ kind, labels string }

// metricsPage reads docs/metrics.md and returns the row of each metric.
func metricsPage(t *testing.T) map[string]metricRow {
	t.Helper()
	raw, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]metricRow{}
	for line := range strings.Lines(string(raw)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) == 4 && strings.HasPrefix(line, "| `") {
			rows[strings.Trim(cells[0], "` ")] = metricRow{cells[1], strings.ReplaceAll(cells[2], "`", "")}
		}
	}
	return rows
}

func TestMetricsPage_ListsEveryMetricWithItsLabels_AndNoOther(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, nil)
	w := p.newWorker(p.open())
	p.start(w)
	described, rows := app.DescribeMetrics(w), metricsPage(t)
	for _, name := range slices.Sorted(maps.Keys(described)) {
		row, ok := rows[name]
		if !ok {
			t.Errorf("docs/metrics.md lacks %s (labels: %s)", name, described[name])
		} else if row.labels != described[name] {
			t.Errorf("docs/metrics.md gives %s the labels %q; a worker gives it %q", name, row.labels, described[name])
		}
	}
	for name := range rows {
		if _, ok := described[name]; !ok {
			t.Errorf("docs/metrics.md lists %s, which no worker has", name)
		}
	}
}

var typeLine = regexp.MustCompile(`(?m)^# TYPE ((?:ksef|asynq)_\S+) (\S+)$`)

func TestMetrics_OfAWorkerThatHasWorked_KeepPrometheusConventions(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, hasty)
	addr, _ := p.workAt()
	docs := good(sample.NIP(0), 9)
	taken := append(p.admit(intake.Terms{Lane: ledger.Express}, docs[:2]...), p.admit(intake.Terms{Lane: ledger.Bulk}, docs[2:]...)...)
	p.wait(90*time.Second, taken, receipted)
	text := page(t, addr, "/metrics")
	rows := metricsPage(t)
	for _, m := range typeLine.FindAllStringSubmatch(text, -1) {
		if row := rows[m[1]]; row.kind != m[2] {
			t.Errorf("%s is a %s, and docs/metrics.md calls it a %q", m[1], m[2], row.kind)
		}
	}
	for _, line := range []string{
		`ksef_time_to_number_seconds_count{lane="bulk"} 7`, `ksef_time_to_number_seconds_count{lane="express"} 2`,
		`ksef_rejections_total{code="450"} 0`, `ksef_workers_alive 1`, `ksef_open_items_oldest_age_seconds{state="parked"} 0`,
		`ksef_archive_errors_total 0`, `ksef_redis_memory_used_ratio 0`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("/metrics lacks the line %s", line)
		}
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed (Debian: apt-get install prometheus), so the names are not checked")
	}
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}
