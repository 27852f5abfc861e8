package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
	"ksefworker/internal/shell"
)

// command returns a call of this program as a person types it, with the --config of this run.
func (a *advice) command(verb string, args ...string) string {
	return shell.Enqueue{Config: a.config}.Call(verb, args...)
}

// submitAgain returns the command that hands in the file of a document again. The command says FILE
// when the file cannot be named, for example because the document came from a .zip.
func (a *advice) submitAgain(file, tenant string) string {
	if !a.needsTenant(tenant) {
		tenant = ""
	}
	return a.submitAs(tenant, file)
}

// submitAs is submitAgain for a tenant that the command must name; "" names none.
func (a *advice) submitAs(tenant, file string) string {
	var args []string
	if tenant != "" {
		args = append(args, "--tenant", tenant)
	}
	lower := strings.ToLower(file)
	if file == "" || strings.HasPrefix(file, "-") || strings.Contains(lower, ".zip/") || clean(file) != file || missingHere(file) {
		file = "FILE"
	}
	return a.command("submit", append(args, file)...)
}

// missingHere reports whether file is a relative path that does not exist in this folder. Such a
// file was handed in from another folder.
func missingHere(file string) bool {
	if filepath.IsAbs(file) {
		return false
	}
	_, err := os.Stat(file)
	return errors.Is(err, fs.ErrNotExist)
}

// needsTenant reports whether --tenant is needed, because several tenants have the same NIP.
func (a *advice) needsTenant(tenant string) bool {
	t, ok := a.cfg.Tenant(tenant)
	n := 0
	for _, other := range a.cfg.Tenants {
		if ok && other.NIP == t.NIP {
			n++
		}
	}
	return n > 1
}

// waitFor returns what to do about an open item while a later document with the same number is on
// its way; "" when there is no such document.
func (a *advice) waitFor(id string, later ledger.Newest) string {
	if later.State == "" || later.State.Ended() {
		return ""
	}
	return fmt.Sprintf("wait for %s, a later document with this number that is on its way (%s): "+
		"when it is accepted, it ends this one; if neither is to be sent: %s",
		later.ID, later.State, a.command("dismiss", id, "--reason", "TEXT"))
}

// whatToDo returns the commands that end an open item; "" for anything else.
func (a *advice) whatToDo(it inquiry.OpenItem) string {
	r := it.Result
	dismiss := "if it is not to be sent: " + a.command("dismiss", r.ID, "--reason", "TEXT")
	submit := a.submitAgain(r.File, it.Tenant)
	switch {
	case r.State == results.Refused:
		return a.endRefusal(it, submit, dismiss)
	case r.State == string(ledger.Rejected):
		return "fix it, then: " + submit + "; " + dismiss
	case r.State == string(ledger.Parked) && r.Code == codeDuplicate:
		// Sending the same document again would get the same answer.
		return "compare it with the invoice that KSeF has, as the reason says; hand in KSeF's document, or, only if yours is another sale, " +
			"yours with another number: " + submit + "; " + dismiss +
			"; if KSeF's invoice could not be fetched, and can be fetched now: " + a.command("retry", r.ID)
	case r.State == string(ledger.Parked):
		return "when the reason is gone: " + a.command("retry", r.ID) + "; a corrected document: " + submit + "; " + dismiss
	}
	return ""
}

// codeDuplicate is KSeF's code for a document whose seller, kind and number it has already.
const codeDuplicate = 440

// endRefusal returns the commands that end a refusal. Only some refusals end with a fix of the
// document.
func (a *advice) endRefusal(it inquiry.OpenItem, submit, dismiss string) string {
	switch file := it.Result.File; it.Remedy {
	case ledger.RemedyResume:
		return "let its tenant go on: " + a.command("resume", it.Tenant) + "; then: " + submit + "; " + dismiss
	case ledger.RemedyConfigure:
		return "add its tenant to the configuration, as the reason says, then: " + submit + "; " + dismiss
	case ledger.RemedyNameTenant:
		return "name the tenant that sends it: " + a.submitAs("NAME", file) + "; " + dismiss
	case ledger.RemedyOtherName:
		return "hand it in for the right tenant: " + a.submitAs("", file) + "; " + dismiss
	case ledger.RemedyNumber:
		return "give it a number of its own, then: " + submit + "; " + dismiss
	case ledger.RemedyWait:
		return "when the reason is gone: " + submit + "; " + dismiss
	case ledger.RemedyNone:
		return "it cannot be sent by this program: " + a.command("dismiss", it.Result.ID, "--reason", "TEXT")
	}
	return "fix it, then: " + submit + "; " + dismiss
}
