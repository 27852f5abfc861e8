package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// command is a call of this program as it is to be typed, with the configuration that this one has.
func (p *program) command(args string) string {
	verb, rest, _ := strings.Cut(args, " ")
	s := "enqueue " + verb
	if p.config != "" {
		s += " --config " + quoted(p.config)
	}
	return strings.TrimRight(s+" "+rest, " ")
}

// submitAgain hands in the file that a document came from. What is in an archive or came through a
// pipe has no name that could be given.
func (p *program) submitAgain(file, tenant string) string {
	args := "submit "
	if p.shared(tenant) {
		args += "--tenant " + quoted(tenant) + " "
	}
	lower := strings.ToLower(file)
	if file == "" || strings.HasPrefix(file, "-") || strings.Contains(lower, ".zip/") || clean(file) != file || elsewhere(file) {
		return p.command(args + "FILE")
	}
	return p.command(args + quoted(file))
}

// elsewhere reports a path that leads nowhere from here: it was handed in from another folder.
func elsewhere(file string) bool {
	if filepath.IsAbs(file) {
		return false
	}
	_, err := os.Stat(file)
	return errors.Is(err, fs.ErrNotExist)
}

// shared reports a tenant that has to be named, because several have its NIP.
func (p *program) shared(tenant string) bool {
	t, ok := p.cfg.Tenant(tenant)
	n := 0
	for _, other := range p.cfg.Tenants {
		if ok && other.NIP == t.NIP {
			n++
		}
	}
	return n > 1
}

// quoted is a word as a shell takes it for one.
func quoted(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:,@%", r)
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// waitFor is what there is to do about an open item while another document of its number is on its
// way; "" when there is none.
func (p *program) waitFor(id string, later ledger.Newest) string {
	if later.State == "" || later.State.Ended() {
		return ""
	}
	return fmt.Sprintf("nothing while %s, a later document of this number, is on its way (%s): "+
		"it ends this one when it is accepted; if neither is to be sent: %s",
		later.ID, later.State, p.command("dismiss "+id+" --reason TEXT"))
}

// whatToDo is what ends an open item, as commands.
func (p *program) whatToDo(state, id, file, tenant string) string {
	dismiss := p.command("dismiss " + id + " --reason TEXT")
	switch state {
	case string(ledger.Rejected), results.Refused:
		return "fix it, then: " + p.submitAgain(file, tenant) + "; if it is not to be sent: " + dismiss
	case string(ledger.Parked):
		return "when the reason is gone: " + p.command("retry "+id) + "; a corrected document: " + p.submitAgain(file, tenant) +
			"; if it is not to be sent: " + dismiss
	}
	return ""
}
