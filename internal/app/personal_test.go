package app_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/tasks"
)

// planted are a buyer and two amounts that occur in the documents of the test below and nowhere
// else.
var planted = []string{"Zdzisława Planted-Buyer", "9876.54", "7654.321234"}

// plant puts the buyer and the first amount into a document.
func plant(t *testing.T, data []byte) []byte {
	t.Helper()
	put := func(in []byte, name, value string) []byte {
		head, rest, ok := bytes.Cut(in, []byte("<"+name+">"))
		_, tail, found := bytes.Cut(rest, []byte("</"+name+">"))
		if !ok || !found {
			t.Fatalf("the sample has no %s", name)
		}
		return bytes.Join([][]byte{head, []byte("<" + name + ">" + value + "</" + name + ">"), tail}, nil)
	}
	data = put(data, "P_15", planted[1])
	at := bytes.Index(data, []byte("<Podmiot2>"))
	if at < 0 {
		t.Fatal("the sample has no buyer")
	}
	return append(bytes.Clone(data[:at]), put(data[at:], "Nazwa", planted[0])...)
}

// With a storage key, Redis holds no buyer, no amount and no XML in clear text, in no key and not
// in its append-only file: not while invoices wait, and not when they are receipted or rejected.
func TestPersonalData_WithAStorageKey_RedisHoldsNoneInClearText(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, quickSim, func(c *config.Config) {
		hasty(c)
		key := filepath.Join(t.TempDir(), "storage")
		writeFile(t, key, strings.Repeat("\a", 32))
		c.Storage.KeyFile = config.Files{key}
	})
	var docs []tasks.Document
	for _, d := range good(sample.NIP(0), 8) {
		docs = append(docs, tasks.Document{File: d.File, Data: plant(t, d.Data)})
	}
	replaced := func(number string, seed uint64, old, value string) tasks.Document {
		d := document(sample.Options{SellerNIP: sample.NIP(0), Number: number, Seed: seed})
		d.Data = bytes.Replace(plant(t, d.Data), []byte(old), []byte(value), 1)
		return d
	}
	docs = append(docs, replaced("BAD/1", 3, "<RodzajFaktury>VAT<", "<RodzajFaktury>PROFORMA<"))
	// KSeF quotes this amount in the reason of its rejection.
	docs = append(docs, replaced("BAD/2", 4, "<P_15>"+planted[1]+"<", "<P_15>"+planted[2]+"<"))
	taken := p.admit(tasks.Terms{Lane: ledger.Bulk}, docs...)
	refused := ledger.Refusal{ID: ledger.RefusalOfFile("refused.xml"), File: "refused.xml", Kind: planted[0], Number: planted[1],
		Faults: []ledger.RefusalFault{{Field: "Fa/P_15", Rule: "must be an amount", Value: planted[2]}}}
	if err := p.base.Ledger.Refuse(t.Context(), []ledger.Refusal{refused}); err != nil {
		t.Fatal(err)
	}
	p.unreadable("while they wait")
	p.work()
	until(t, 60*time.Second, "eight are receipted", p.count(receipted, 8))
	until(t, 60*time.Second, "two are rejected", p.count(ledger.Rejected, 2))
	if got := p.state(taken[9]); !strings.Contains(got.Reason, planted[2]) {
		t.Fatalf("KSeF does not quote the amount (%q): this test proves nothing about it", got.Reason)
	}
	p.unreadable("at the end")
}

// unreadable searches every key, with redis-cli, and the append-only file for clear text.
func (p *pool) unreadable(when string) {
	p.t.Helper()
	conn, err := p.cfg.Redis.Conn()
	if err != nil {
		p.t.Fatal(err)
	}
	_, port, _ := strings.Cut(conn.Addr, ":")
	cli := func(args ...string) string {
		out, err := exec.CommandContext(p.t.Context(), "redis-cli", append([]string{"-p", port, "--raw"}, args...)...).Output()
		if err != nil {
			p.t.Fatalf("redis-cli %v: %v", args, err)
		}
		return string(out)
	}
	var all strings.Builder
	keys := strings.Fields(cli("--scan"))
	for _, k := range keys {
		all.WriteString(k + "\n")
		switch strings.TrimSpace(cli("TYPE", k)) {
		case "string":
			all.WriteString(cli("GET", k))
		case "hash":
			all.WriteString(cli("HGETALL", k))
		case "list":
			all.WriteString(cli("LRANGE", k, "0", "-1"))
		case "set":
			all.WriteString(cli("SMEMBERS", k))
		case "zset":
			all.WriteString(cli("ZRANGE", k, "0", "-1"))
		case "stream":
			all.WriteString(cli("XRANGE", k, "-", "+"))
		}
	}
	if len(keys) < 10 {
		p.t.Fatalf("only %d keys: this test proves little", len(keys))
	}
	dir := strings.TrimSpace(strings.TrimPrefix(cli("CONFIG", "GET", "dir"), "dir\n"))
	files := 0
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		raw, err := os.ReadFile(path)
		all.Write(raw)
		return err
	})
	if err != nil || files == 0 {
		p.t.Fatalf("read the append-only file: %v, %d files", err, files)
	}
	for _, word := range append([]string{"<Faktura", "<Podmiot2", "Planted-Buyer"}, planted...) {
		if strings.Contains(all.String(), word) {
			p.t.Errorf("%s Redis holds %q in clear text", when, word)
		}
	}
}
