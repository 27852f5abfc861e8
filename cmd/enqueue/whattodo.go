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
	"ksefworker/internal/shell"
)

// command returns a call of this program as a person types it, with the --config of this run.
func (p *program) command(verb string, args ...string) string {
	return shell.Enqueue{Config: p.config}.Call(verb, args...)
}

// submitAgain returns the command that hands in the file of a document again. A document from an
// archive or from standard input has no file that could be named; the command then says FILE.
func (p *program) submitAgain(file, tenant string) string {
	var args []string
	if p.needsTenant(tenant) {
		args = append(args, "--tenant", tenant)
	}
	lower := strings.ToLower(file)
	if file == "" || strings.HasPrefix(file, "-") || strings.Contains(lower, ".zip/") || clean(file) != file || missingHere(file) {
		file = "FILE"
	}
	return p.command("submit", append(args, file)...)
}

// missingHere reports a relative path that does not exist in this folder: the file was handed in
// from another folder.
func missingHere(file string) bool {
	if filepath.IsAbs(file) {
		return false
	}
	_, err := os.Stat(file)
	return errors.Is(err, fs.ErrNotExist)
}

// needsTenant reports that --tenant is needed, because several tenants have the same NIP.
func (p *program) needsTenant(tenant string) bool {
	t, ok := p.cfg.Tenant(tenant)
	n := 0
	for _, other := range p.cfg.Tenants {
		if ok && other.NIP == t.NIP {
			n++
		}
	}
	return n > 1
}

// waitFor returns what to do about an open item while a later document with its number is on its
// way; "" when there is no such document.
func (p *program) waitFor(id string, later ledger.Newest) string {
	if later.State == "" || later.State.Ended() {
		return ""
	}
	return fmt.Sprintf("wait for %s, a later document with this number that is on its way (%s): "+
		"when it is accepted, it ends this one; if neither is to be sent: %s",
		later.ID, later.State, p.command("dismiss", id, "--reason", "TEXT"))
}

// whatToDo returns the commands that end an open item.
func (p *program) whatToDo(state, id, file, tenant string) string {
	dismiss := p.command("dismiss", id, "--reason", "TEXT")
	switch state {
	case string(ledger.Rejected), results.Refused:
		return "fix it, then: " + p.submitAgain(file, tenant) + "; if it is not to be sent: " + dismiss
	case string(ledger.Parked):
		return "when the reason is gone: " + p.command("retry", id) + "; a corrected document: " + p.submitAgain(file, tenant) +
			"; if it is not to be sent: " + dismiss
	}
	return ""
}
