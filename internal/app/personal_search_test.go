package app_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// appendOnly is the key under which contentsOfRedis returns the content of the append-only file.
const appendOnly = "the append-only file"

// contentsOfRedis reads every key with redis-cli, and the append-only file. It returns the contents
// by key. The content of a sorted set is its members and scores. The content of a hash is its
// fields and values, and after them all values once more without line breaks between them. This is
// because an entry of the ledger may be cut into pieces, each a value of its hash, and a search
// must find a word that reaches from one piece into the next.
func (p *pool) contentsOfRedis() map[string]string {
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
	all := map[string]string{}
	for _, k := range strings.Split(strings.TrimSpace(cli("--scan")), "\n") {
		switch kind := strings.TrimSpace(cli("TYPE", k)); kind {
		case "string":
			all[k] = cli("GET", k)
		case "hash":
			all[k] = cli("HGETALL", k) + strings.ReplaceAll(cli("HVALS", k), "\n", "")
		case "list":
			all[k] = cli("LRANGE", k, "0", "-1")
		case "set":
			all[k] = cli("SMEMBERS", k)
		case "zset":
			all[k] = cli("ZRANGE", k, "0", "-1", "WITHSCORES")
		case "stream":
			all[k] = cli("XRANGE", k, "-", "+")
		case "none": // the key has expired since the scan
		default:
			p.t.Fatalf("%s is a %s: this test does not look into it", k, kind)
		}
	}
	if len(all) < 10 {
		p.t.Fatalf("Redis has only %d keys, so this test proves little", len(all))
	}
	dir := strings.TrimSpace(strings.TrimPrefix(cli("CONFIG", "GET", "dir"), "dir\n"))
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		all[appendOnly] += string(raw)
		return err
	})
	if err != nil || len(all[appendOnly]) < 1000 {
		p.t.Fatalf("the append-only file has %d bytes (error %v), want at least 1000", len(all[appendOnly]), err)
	}
	return all
}

// plantedIn returns which planted words, and which elements of a document, are in clear text, by
// key. Capital letters make no difference, and names of keys are searched too.
func plantedIn(contents map[string]string) map[string][]string {
	found := map[string][]string{}
	for key, content := range contents {
		lower := strings.ToLower(key + "\n" + content)
		for _, word := range append([]string{"<Faktura", "<Podmiot2", "Planted-Buyer"}, planted...) {
			if strings.Contains(lower, strings.ToLower(word)) {
				found[key] = append(found[key], word)
			}
		}
	}
	return found
}

// everythingInRedis returns the names and contents of all keys in one text.
func everythingInRedis(p *pool) string {
	p.t.Helper()
	var all strings.Builder
	for key, content := range p.contentsOfRedis() {
		all.WriteString(key + "\n" + content)
	}
	return all.String()
}
