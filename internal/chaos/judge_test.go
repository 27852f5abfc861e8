//go:build unix

package chaos

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/simulator"
)

// A judge that never finds anything proves nothing: every way in which a run can fail is shown to it once.
func TestJudge_EveryImbalance_IsTold(t *testing.T) {
	const number = "5265877635-20261123-0100001AF629-AF"
	doc := []byte("<Faktura/>")
	hash := sha256.Sum256(doc)
	for _, c := range []struct {
		why  string
		bend func(*item, *[]simulator.Accepted, *[]simulator.Rejected, map[string]string)
		says string // "" when it balances
	}{
		{"accepted once, all on file", nil, ""},
		{"never arrived", func(_ *item, a *[]simulator.Accepted, _ *[]simulator.Rejected, _ map[string]string) { *a = nil }, "accepted it 0 times"},
		{"accepted twice", func(_ *item, a *[]simulator.Accepted, _ *[]simulator.Rejected, _ map[string]string) {
			*a = append(*a, (*a)[0])
		}, "accepted it 2 times"},
		{"sent again after it was accepted", func(_ *item, _ *[]simulator.Accepted, r *[]simulator.Rejected, _ map[string]string) {
			*r = []simulator.Rejected{{Code: 440, Session: "S2"}}
		}, "sent again"},
		{"KSeF has other bytes", func(_ *item, a *[]simulator.Accepted, _ *[]simulator.Rejected, _ map[string]string) {
			(*a)[0].Hash = "00"
		}, "other bytes"},
		{"no result on file", func(_ *item, _ *[]simulator.Accepted, _ *[]simulator.Rejected, f map[string]string) {
			delete(f, "i.json")
		}, "0 results"},
		{"another KSeF number on file", func(_ *item, _ *[]simulator.Accepted, _ *[]simulator.Rejected, f map[string]string) {
			f["i.json"] = strings.ReplaceAll(f["i.json"], "-AF", "-AE")
		}, "the archive says"},
		{"accepted, but never receipted", func(_ *item, _ *[]simulator.Accepted, _ *[]simulator.Rejected, f map[string]string) {
			f["i.json"] = strings.ReplaceAll(f["i.json"], "receipted", "accepted")
		}, "the archive says accepted"},
		{"no document on file", func(_ *item, _ *[]simulator.Accepted, _ *[]simulator.Rejected, f map[string]string) {
			delete(f, "i.xml")
		}, "archived document"},
		{"another document on file", func(_ *item, _ *[]simulator.Accepted, _ *[]simulator.Rejected, f map[string]string) {
			f["i.xml"] = "<Faktura></Faktura>"
		}, "not what was handed in"},
		{"no receipt on file", func(_ *item, _ *[]simulator.Accepted, _ *[]simulator.Rejected, f map[string]string) {
			delete(f, "upo.xml")
		}, "its receipt"},
		{"the receipt is of another session", func(_ *item, a *[]simulator.Accepted, _ *[]simulator.Rejected, _ map[string]string) {
			(*a)[0].Session = "S2"
		}, "is of session S1"},
		{"the receipt attests another hash", func(_ *item, _ *[]simulator.Accepted, _ *[]simulator.Rejected, f map[string]string) {
			f["upo.xml"] = strings.ReplaceAll(f["upo.xml"], "<SkrotDokumentu>", "<SkrotDokumentu>x")
		}, "attests"},
		{"the receipt does not list it", func(_ *item, _ *[]simulator.Accepted, _ *[]simulator.Rejected, f map[string]string) {
			f["upo.xml"] = strings.ReplaceAll(f["upo.xml"], "-AF", "-AE")
		}, "does not list"},
		{"the receipt writes its KSeF number 6-6 and its number with other white space", func(_ *item, _ *[]simulator.Accepted, _ *[]simulator.Rejected, f map[string]string) {
			f["upo.xml"] = strings.NewReplacer("0100001AF629", "010000-1AF629", "<NumerFaktury>1<", "<NumerFaktury>1\u00a0<").Replace(f["upo.xml"])
		}, ""},
		{"the result writes its KSeF number 6-6", func(_ *item, _ *[]simulator.Accepted, _ *[]simulator.Rejected, f map[string]string) {
			f["i.json"] = strings.ReplaceAll(f["i.json"], "0100001AF629", "010000-1AF629")
		}, "the archive says"},
		{"the receipt lies in a bucket", func(_ *item, _ *[]simulator.Accepted, _ *[]simulator.Rejected, f map[string]string) {
			f["i.json"] = regexp.MustCompile(`file://[^"]*/upo.xml`).ReplaceAllString(f["i.json"], "s3://receipts/upo.xml")
		}, ""},
		{"parked for no reason that the run gave", func(_ *item, a *[]simulator.Accepted, _ *[]simulator.Rejected, f map[string]string) {
			*a = nil
			f["i.json"] = strings.ReplaceAll(f["i.json"], "receipted", "parked")
		}, "parked"},
		{"bad, and accepted", func(i *item, _ *[]simulator.Accepted, _ *[]simulator.Rejected, _ map[string]string) { i.bad = true }, "is bad, and KSeF accepted"},
		{"bad, and rejected with KSeF's code", func(i *item, a *[]simulator.Accepted, r *[]simulator.Rejected, f map[string]string) {
			i.bad, *a, *r = true, nil, []simulator.Rejected{{Code: 450}}
			f["i.json"] = `{"nip":"n","kind":"VAT","number":"1","state":"rejected","code":450,"reason":"P_15: missing"}`
		}, ""},
		{"bad, and rejected with a code that KSeF never gave", func(i *item, a *[]simulator.Accepted, _ *[]simulator.Rejected, f map[string]string) {
			i.bad, *a = true, nil
			f["i.json"] = `{"nip":"n","kind":"VAT","number":"1","state":"rejected","code":450,"reason":"P_15: missing"}`
		}, "rejected with 450"},
	} {
		t.Run(c.why, func(t *testing.T) {
			dir := t.TempDir()
			it := &item{nip: "n", number: "1", kind: "VAT", hash: hash}
			accepted := []simulator.Accepted{{NIP: "n", Kind: "VAT", Number: "1", KsefNumber: number, Hash: hex.EncodeToString(hash[:]), Session: "S1", At: time.Now()}}
			var rejected []simulator.Rejected
			files := map[string]string{
				"i.xml":  string(doc),
				"i.json": fmt.Sprintf(`{"nip":"n","kind":"VAT","number":"1","state":"receipted","ksef_number":%q,"upo":"file://%s/upo.xml"}`, number, dir),
				"upo.xml": fmt.Sprintf(`<Potwierdzenie xmlns="http://upo.schematy.mf.gov.pl/KSeF/v4-3"><NumerReferencyjnySesji>S1</NumerReferencyjnySesji><Dokument><NipSprzedawcy>n</NipSprzedawcy><NumerKSeFDokumentu>%s</NumerKSeFDokumentu><NumerFaktury>1</NumerFaktury><SkrotDokumentu>%s</SkrotDokumentu></Dokument></Potwierdzenie>`,
					number, base64.StdEncoding.EncodeToString(hash[:])),
			}
			if c.bend != nil {
				c.bend(it, &accepted, &rejected, files)
			}
			for name, text := range files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s, err := readArchive(dir)
			if err != nil {
				t.Fatal(err)
			}
			var f Figures
			if it.bad {
				err = judgeBad(&f, it, accepted, rejected, s)
			} else {
				err = judgeGood(&f, it, accepted, rejected, s)
			}
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("judged %v, want it to say %q", err, c.says)
			}
		})
	}
}

// The same seed is the same run: what is handed in, what falls, and when.
func TestPlan_SameSeed_SameRun(t *testing.T) {
	draw := func(seed uint64) string {
		o, err := Options{Worker: "w", Dir: "d", Seed: seed, Invoices: 50, Blows: Blows{Kills: 3, Pauses: 1, RedisKills: 2}}.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		dice := newDice(seed)
		e := newExport(o, dice, "2026-11-23")
		text := ""
		for _, d := range e.deliveries {
			text += fmt.Sprint(d.at, d.lane, len(d.items), d.items[0].number, d.items[0].hash)
		}
		return text + fmt.Sprint(forecast(o, dice), plan(o, dice))
	}
	if draw(7) != draw(7) {
		t.Error("a seed gave two different runs")
	}
	if draw(7) == draw(8) {
		t.Error("two seeds gave the same run")
	}
}

// A limit is overrun when nothing explains it: neither an order of the simulator nor a worker that died with the order in its hands.
func TestJudgeLimits_WhatIsExcused(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		why     string
		v       simulator.Violation
		blows   []time.Time
		excused bool
	}{
		{"a window overrun is never excused", simulator.Violation{Window: "minute", At: now.Add(100 * time.Millisecond)}, []time.Time{now}, false},
		{"on its way when the order was given", simulator.Violation{Window: "block", At: now.Add(500 * time.Millisecond)}, nil, true},
		{"two seconds later everybody knows", simulator.Violation{Window: "block", At: now.Add(2 * time.Second)}, nil, false},
		{"unless who knew was killed", simulator.Violation{Window: "block", At: now.Add(2 * time.Second)}, []time.Time{now.Add(100 * time.Millisecond)}, true},
		{"a kill afterwards excuses nothing", simulator.Violation{Window: "block", At: now.Add(2 * time.Second)}, []time.Time{now.Add(3 * time.Second)}, false},
		{"a block that nobody ordered", simulator.Violation{Window: "block", At: now.Add(time.Minute)}, nil, false},
	} {
		r := &run{sky: &sky{orders: []time.Time{now}}, moments: c.blows}
		var f Figures
		if errs := r.judgeLimits(&f, []simulator.Violation{c.v}); (len(errs) == 0) != c.excused || f.Overrun != len(errs) {
			t.Errorf("%s: %v", c.why, errs)
		}
	}
}
