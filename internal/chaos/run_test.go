//go:build unix

package chaos

import (
	"fmt"
	"testing"
)

// A seed determines what is handed in, which faults and disruptions happen, and when.
func TestDraw_SameSeed_SameRun(t *testing.T) {
	draw := func(seed uint64) string {
		o := Options{Worker: "w", Enqueue: "e", Dir: "d", Seed: seed, Invoices: 50}
		o.Disruptions = Disruptions{Kills: 3, Pauses: 1, RedisKills: 2}
		o, err := o.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		dice := newDice(seed)
		e := newExport(o, dice, "2026-11-23")
		text := ""
		clients := newDice(seed)
		e.chooseRoutes(o, clients)
		for _, d := range e.drops {
			text += fmt.Sprint(d.at, d.item.number, d.path, d.how, d.back, d.torn)
		}
		text += fmt.Sprint(drawMoods(o, clients))
		for _, d := range e.deliveries {
			text += fmt.Sprint(d.at, d.lane, len(d.items), d.items[0].number, d.items[0].hash)
		}
		return text + fmt.Sprint(drawFaults(o, dice), drawDisruptions(o, dice))
	}
	if first := draw(7); first != draw(7) {
		t.Error("a seed gave two different runs")
	}
	if draw(7) == draw(8) {
		t.Error("two seeds gave the same run")
	}
}
