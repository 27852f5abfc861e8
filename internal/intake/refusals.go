package intake

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
)

// Record is the part of [ledger.Ledger] that Refusals needs.
type Record interface {
	Refuse(ctx context.Context, refusals []ledger.Refusal) error
	EndRefusals(ctx context.Context, ends []ledger.RefusalEnd) (int, error)
	OpenRefusals(ctx context.Context) (int64, error)
	Bind(ctx context.Context, nips map[string]string) (others map[string]string, err error)
	Strangers(ctx context.Context, nips map[string]string) (others map[string]string, err error)
}

// Refusals puts refused documents on record, and ends the refusals of documents that were taken
// later. Its errors never stop the intake. Not safe for concurrent use.
type Refusals struct {
	Record Record
	// Tenant returns the name of the one tenant that has this NIP, the NIP itself when several
	// tenants have it, and "" when none has.
	Tenant func(nip string) string
	// Accounts are the tenants that the sender may hand in for. The refusals of a tenant whose name
	// means another taxpayer in the ledger go to the list of no tenant, because the list of that
	// name belongs to the other taxpayer.
	Accounts []Account
	// Asked is the name of the tenant that was asked to send the documents, or "".
	Asked string
	// Otherwise is the tenant whose list a refusal goes to if nothing else names the tenant of the
	// document; "" is the list of no tenant.
	Otherwise string
	// Source names the sender when names of files and refs mean something only to that sender. For
	// example, a program that hands in over the network may give every document the same name. A
	// document of such a sender changes a refusal of another sender only if both belong to the list
	// of the same tenant. "" is this machine, whose paths identify files.
	Source string
	// Unpacked says that the sender takes archives apart and ends their refusals itself, by
	// EndFile. Otherwise the refusal of an archive ends when a document in it is taken. The refusal
	// stays if the archive has been refused in the same run, for something else in it.
	Unpacked bool

	// Unrecorded is the number of refusals that could not be put on record. Err is the first error.
	Unrecorded int
	Err        error
	// Untold is the number of refusals that are on record and that no receiver is told of, because
	// too many documents of the tenant were refused.
	Untold int

	asked bool // open was read from Record
	open  bool // some refusals are open

	ofRun map[string]ledger.Refusal // by id: the refusals of this run that do not have ByInvoice set

	strangers map[string]string // names of tenants that mean another taxpayer, as of the last call
}

// Note records the outcome of some documents. It sets the Refusal of each document that it puts on
// record. A document that was taken before is not recorded when it is refused now, because its
// entry shows its state.
//
// A refusal is identified by the identity of its document (seller, kind, number), if the identity
// could be read and is not itself at fault. Otherwise it is identified by the document's ref.
// Without a ref it is identified by the document's file, or by the document's bytes if the document
// has no file of its own. A document that is taken ends the refusals of its identity, its ref and
// its file. Unless Unpacked is set, it also ends the refusals of the archives that the file is in.
func (r *Refusals) Note(ctx context.Context, adms []Admission) {
	// For a single document it is not worth asking first whether any refusal is open, because the
	// question costs as much as ending the refusals of one document.
	if len(adms) > 1 || r.asked {
		r.ask(ctx)
	}
	if refused, err := r.noteStrangers(ctx, adms); err != nil {
		r.failed(refused, err)
		return
	}
	var refused []ledger.Refusal
	var at []int // refused[k] is of adms[at[k]]
	var ends, afterwards []ledger.RefusalEnd
	noted := map[string]bool{} // ids in refused
	for i := range adms {
		a, by := &adms[i], adms[i].Invoice.ID
		taken := a.Taken != ledger.Refused
		switch {
		case taken:
		case a.Held.ID != "":
			by, taken = a.Held.ID, true
		default:
			on, ok := r.refusal(a)
			if !ok {
				continue
			}
			on = r.together(on)
			refused, at, by = append(refused, on), append(at, i), on.ID
			noted[on.ID] = true
		}
		if !r.open && r.asked && (!taken || len(noted) == 0) {
			continue // there is nothing to end
		}
		// The file may have been refused before, when less of it could be read. Now the refusal is
		// on record by the document's identity, so the refusal by file ends.
		for _, end := range r.ends(a, by, taken) {
			if taken && noted[end.ID] { // refused in this call: the refusal must be on record before it ends
				afterwards = append(afterwards, end)
			} else if r.open || !r.asked {
				ends = append(ends, end)
			}
		}
	}
	r.end(ctx, ends)
	if len(refused) > 0 {
		r.bind(ctx, refused)
		err := r.Record.Refuse(ctx, refused)
		lacking := 0
		for k, i := range at {
			if !refused[k].Recorded {
				lacking++
				continue
			}
			adms[i].Refusal, adms[i].RefusedAt = refused[k].ID, refused[k].At
			if refused[k].Untold {
				r.Untold++
			}
		}
		r.open = r.open || lacking < len(at)
		if err != nil {
			r.failed(lacking, err)
		}
		if lacking < len(at) {
			r.end(ctx, afterwards)
		}
	}
}

// noteStrangers finds out which tenants of refused documents have a name that means another
// taxpayer. It returns how many documents were refused.
func (r *Refusals) noteStrangers(ctx context.Context, adms []Admission) (refused int, err error) {
	names := map[string]string{}
	for i := range adms {
		if a := &adms[i]; a.Taken == ledger.Refused && a.Held.ID == "" {
			refused++
			name := r.named(a)
			if k := slices.IndexFunc(r.Accounts, func(acc Account) bool { return acc.Name == name }); k >= 0 {
				names[name] = r.Accounts[k].NIP
			}
		}
	}
	r.strangers, err = r.Record.Strangers(ctx, names)
	return refused, err
}

// bind records in the ledger which NIP each tenant of these refusals has, as Admit does for
// invoices. Otherwise a tenant that had only refusals so far could be given another NIP, and the
// taxpayer with that NIP would get the list of refusals. A document whose seller is not the tenant
// does not tell the tenant's NIP, so bind leaves it out.
func (r *Refusals) bind(ctx context.Context, refused []ledger.Refusal) {
	nips := map[string]string{}
	for i := range refused {
		tenant, nip := refused[i].Tenant, refused[i].NIP
		if tenant != "" && nip != "" && tenant != nip && r.Tenant(nip) == tenant {
			nips[tenant] = nip
		}
	}
	if _, err := r.Record.Bind(ctx, nips); err != nil {
		r.failed(0, err)
	}
}

func (r *Refusals) end(ctx context.Context, ends []ledger.RefusalEnd) {
	if len(ends) == 0 {
		return
	}
	if _, err := r.Record.EndRefusals(ctx, ends); err != nil {
		r.failed(0, err)
	}
}

// ask finds out whether any refusal is open. If that is not known, it assumes that some are open.
func (r *Refusals) ask(ctx context.Context) {
	if r.asked {
		return
	}
	open, err := r.Record.OpenRefusals(ctx)
	unread, err := ledger.Skip(err)
	if err != nil {
		r.failed(0, err)
	}
	r.asked, r.open = err == nil, err != nil || open > 0 || len(unread) > 0
}

func (r *Refusals) failed(n int, err error) {
	r.Unrecorded += n
	if r.Err == nil {
		r.Err = err
	}
}

// refusal returns the refusal of a document as it is recorded. It returns false when the document
// is not at fault. A path that does not exist is a mistake in the call, and a document that could
// not be checked now has to be handed in again.
func (r *Refusals) refusal(a *Admission) (ledger.Refusal, bool) {
	var unsure *UnsureError
	var problem *Problem
	if errors.As(a.Err, &unsure) || errors.As(a.Err, &problem) && problem.Path && !problem.Archive {
		return ledger.Refusal{}, false
	}
	inv := &a.Invoice
	out := ledger.Refusal{By: r.Source, NIP: inv.NIP, Kind: inv.Kind, Number: inv.Number, IssueDate: inv.IssueDate,
		File: a.File, Ref: invoice.Shorten(a.Ref, maxRef), Tenant: r.tenant(a)}
	faults := invoice.FieldErrors(a.Err)
	outside, _ := errors.AsType[*RefusedError](a.Err)
	identified := inv.NIP != "" && inv.Kind != "" && inv.Number != "" && (inv.ID == "" || outside != nil && outside.ofRef)
	for _, f := range faults {
		identified = identified && !namesIdentity(f.Field)
		if f.Unsupported {
			out.Remedy = ledger.RemedyNone
		}
		if len(out.Faults) == maxFaults {
			out.More++
			continue
		}
		out.Faults = append(out.Faults, ledger.RefusalFault{
			Field: short(f.Field), Rule: short(f.Rule), Value: short(f.Value), Hint: short(f.Hint), Line: f.Line, Column: f.Column,
		})
	}
	if outside != nil {
		out.Remedy = outside.Remedy
	}
	if len(faults) == 0 {
		out.Faults = []ledger.RefusalFault{{Rule: short(a.Err.Error())}}
	}
	switch path := r.pathOf(a); {
	// A document without a fault of its own may be refused because its number belongs to another
	// document. inv.ID is set for such a document. It counts as not identified, so that handing in
	// the other document again does not end this refusal. A document whose ref belongs to another
	// invoice counts as identified. Otherwise a program that gives all its documents one ref would
	// have one record for all of them.
	case identified && r.Source == "":
		out.ID, out.ByInvoice = ledger.RefusalOfInvoice(identityOf(inv)), true
	case identified:
		out.ID = r.inList(out.Tenant, inv)
	case a.Ref != "":
		out.ID = r.ofRef(a.Ref)
	case unnamed(a) && known(inv.Hash):
		out.ID = ledger.RefusalOfFile(r.Source + "\x00bytes\x00" + inv.Hash)
	case path == "":
		out.ID = ledger.RefusalOfFile(r.Source + a.File + "\x00" + out.Faults[0].Field + out.Faults[0].Rule + inv.Number)
	default:
		out.ID = ledger.RefusalOfFile(path)
	}
	return out, true
}

// short bounds a text of a refusal. The record is in Redis and goes to every receiver of results. A
// text may quote what the document or the sender's JSON has, whatever its length.
func short(text string) string { return invoice.Shorten(text, 1000) }

// maxFaults is how many faults of a document are kept. Handing the document in again shows all its
// faults.
const maxFaults = 5

// ends returns the refusals that end with this outcome of a document. These are the refusals of its
// ref and its file. If the document was taken, they are also the refusals of its identity and of
// the archives that it came from (see Unpacked). by is the id of the entry or refusal that ends
// them, and is never among them.
func (r *Refusals) ends(a *Admission, by string, taken bool) []ledger.RefusalEnd {
	inv := &a.Invoice
	var out []ledger.RefusalEnd
	end := func(id string, byInvoice bool) {
		if id != by {
			out = append(out, ledger.RefusalEnd{ID: id, Tenant: r.tenant(a), ByInvoice: byInvoice,
				Ended: ledger.RefusalSuperseded, Note: "by " + by})
		}
	}
	if taken {
		end(ledger.RefusalOfInvoice(identityOf(inv)), r.Source == "")
		end(ledger.RefusalIn(r.tenant(a), identityOf(inv)), false)
		if r.Source != "" {
			end(r.inList("", inv), false)
		}
	}
	if a.Ref != "" {
		end(r.ofRef(a.Ref), false)
	}
	if path := r.pathOf(a); path != "" {
		end(ledger.RefusalOfFile(path), false)
		if taken && !r.Unpacked {
			for _, id := range r.archives(path) {
				end(id, false)
			}
		}
	}
	return out
}

func identityOf(inv *ledger.Invoice) ledger.Identity {
	return ledger.Identity{NIP: inv.NIP, Kind: inv.Kind, Number: inv.Number}
}

// tenant returns the tenant whose list a refusal belongs to; "" is the list of no tenant. A tenant
// whose name means another taxpayer has no list here, because that taxpayer would read it.
func (r *Refusals) tenant(a *Admission) string {
	name := r.named(a)
	if r.strangers[name] != "" {
		return ""
	}
	return name
}

// named returns the tenant that was asked to send the document, or else the one that sends it, or
// else the one that has the seller's NIP, or else Otherwise. A seller that is not a tenant has no
// list, because invented NIPs could make any number of lists.
func (r *Refusals) named(a *Admission) string {
	switch inv := &a.Invoice; {
	case a.Asked != "":
		return a.Asked
	case r.Asked != "":
		return r.Asked
	case inv.Tenant != "":
		return inv.Tenant
	}
	tenant := ""
	if a.Invoice.NIP != "" {
		tenant = r.Tenant(a.Invoice.NIP)
	}
	return cmp.Or(tenant, r.Otherwise)
}

// inList returns the id of the refusal of an identified document in the list of a tenant. In the
// list of no tenant, the id depends on the sender, because all senders share that list.
func (r *Refusals) inList(tenant string, inv *ledger.Invoice) string {
	if tenant == "" {
		return ledger.RefusalIn("\x00"+r.Source, identityOf(inv))
	}
	return ledger.RefusalIn(tenant, identityOf(inv))
}

// ofRef returns the id of the refusal of a document that only its ref identifies.
func (r *Refusals) ofRef(ref string) string {
	return ledger.RefusalOfFile("ref\x00" + r.Source + "\x00" + ref)
}

// pathOf returns the absolute path of a document's file. It returns "" for standard input, for a
// place in a list, and for a name that a sender gave, because each of them may stand for a
// different document each time.
func (r *Refusals) pathOf(a *Admission) string {
	file := a.File
	if r.Source != "" || unnamed(a) || strings.HasPrefix(file, "-/") {
		return ""
	}
	if abs, err := filepath.Abs(file); err == nil {
		return abs
	}
	return file
}

// unnamed reports whether the name of a document's file is only its place in what was handed in:
// standard input, an element of a body in JSON, or a line of a manifest. Then only its bytes tell
// it from other documents.
func unnamed(a *Admission) bool {
	return a.Unnamed || a.File == "-"
}

// known reports whether a document's hash was taken. No hash is taken of a document that is too
// large.
func known(hash string) bool { return hash != "" && hash != ledger.HashText([sha256.Size]byte{}) }

// namesIdentity reports whether a field is part of a document's identity. When such a field is at
// fault, the fixed document may have another identity.
func namesIdentity(field string) bool {
	return field == invoice.DocumentField || strings.HasPrefix(field, "Podmiot1") ||
		strings.HasSuffix(field, "P_2") || strings.HasSuffix(field, "RodzajFaktury")
}
