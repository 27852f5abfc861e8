package ledger

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"pgregory.net/rapid"
)

func (m *model) ReadPackage(t *rapid.T) {
	if id, ok := key(t, m.pkgs, "package"); ok {
		p, err := m.l.Package(ctx(), id)
		if err != nil {
			t.Fatal(err)
		}
		m.actor().pkgs[id] = p
	}
}

func (m *model) Cut(t *rapid.T) {
	lim := CutLimits{Invoices: rapid.IntRange(1, 4).Draw(t, "invoices"), Bytes: int64(rapid.IntRange(1, 20).Draw(t, "bytes"))}
	var waiting []string
	for id, i := range m.invs {
		if i.group != "" {
			waiting = append(waiting, id)
		}
	}
	slices.SortFunc(waiting, func(a, b string) int { // in the order of a sorted set: by deadline, then by id
		if x := int(m.invs[a].deadline - m.invs[b].deadline); x != 0 {
			return x
		}
		if a < b {
			return -1
		}
		return 1
	})
	var want []string
	var size int64
	numbers := map[string]bool{}
	for _, id := range waiting[:min(len(waiting), 2*lim.Invoices)] { // enough, because at most two invoices have one number
		i := m.invs[id]
		if len(want) == lim.Invoices || !numbers[i.number] && len(want) > 0 && size+i.size > lim.Bytes {
			break
		}
		if numbers[i.number] {
			continue
		}
		numbers[i.number], size, want = true, size+i.size, append(want, id)
	}
	m.serial++
	pkg := fmt.Sprint("pkg-", m.serial)
	m.touched = true
	got, err := m.l.Cut(ctx(), pkg, groupA, lim)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("cut with %+v took %v and returned the error %v, want %v", lim, got, err, want)
	}
	if len(want) > 0 {
		m.adopt(pkg, Bulk, want)
	}
}

// adopt makes a package in the model and moves these invoices to it.
func (m *model) adopt(pkg string, lane Lane, ids []string) {
	m.pkgs[pkg] = &modelPackage{state: PackageCut, rev: 1, lane: lane, members: ids}
	for _, id := range ids {
		i := m.invs[id]
		i.state, i.rev, i.group, i.pkg = Packed, i.rev+1, "", pkg
	}
}

func (m *model) OpenOnline(t *rapid.T) {
	m.serial++
	a, id := m.actor(), fmt.Sprint("pkg-", m.serial)
	p, err := m.l.OpenOnline(ctx(), Package{ID: id, Tenant: sellerA, Form: "v3", Session: "s-" + id, Owner: a.name})
	if err != nil {
		t.Fatal(err)
	}
	a.pkgs[id] = p
	m.pkgs[id] = &modelPackage{state: PackageOpened, rev: 1, lane: Express, owner: a.name}
}

// Send sends one invoice in the express lane. It begins to send, and then writes the answer unless
// the worker dies before that.
func (m *model) Send(t *rapid.T) {
	a, inv, real := m.copied(t)
	own := maps.Clone(a.pkgs)
	maps.DeleteFunc(own, func(_ string, p Package) bool { return p.Lane != Express })
	pkg, ok := key(t, own, "package")
	if !ok || real == nil {
		return
	}
	if pick(t, 3, "read again") > 0 {
		var err error
		if inv, err = m.l.Invoice(ctx(), inv.ID); err != nil {
			t.Fatal(err)
		}
	}
	p := m.pkgs[pkg]
	legal := p.state == PackageOpened && p.owner == a.name && real.state == Queued && real.rev == inv.Rev && real.left != "s-"+pkg
	rev, _, err := m.l.BeginSend(ctx(), pkg, a.name, &inv)
	if !m.succeeds("begin send", legal, err) {
		return
	}
	real.state, real.rev, real.group, real.pkg = Sending, real.rev+1, "", pkg
	real.attempts++
	if !slices.Contains(p.members, inv.ID) {
		p.members = append(p.members, inv.ID)
	}
	m.Check(t)
	if to := []State{"", Sent, Unknown}[pick(t, 3, "answer")]; to != "" {
		m.succeeds("write the answer", true, m.l.Move(ctx(), Move{ID: inv.ID, Rev: rev, To: to}))
		real.state, real.rev = to, real.rev+1
	}
}

// held returns the members that the package holds in one of the states.
func (m *model) held(pkg string, states ...State) []string {
	var out []string
	for _, id := range m.pkgs[pkg].members {
		if m.invs[id].pkg == pkg && slices.Contains(states, m.invs[id].state) {
			out = append(out, id)
		}
	}
	return out
}

func (m *model) MovePackage(t *rapid.T) {
	a := m.actor()
	id, ok := key(t, a.pkgs, "package")
	if !ok {
		return
	}
	p, real := a.pkgs[id], m.pkgs[id]
	to := PackageStates()[pick(t, len(PackageStates()), "to")]
	if next := slices.Index(packagePath, p.State) + 1; next > 0 && next < len(packagePath) && pick(t, 3, "onwards") > 0 {
		to = packagePath[next]
	}
	mv := stepOf(&p, to)
	if to == PackageOpened {
		mv.Edit = mv.Edit.Owner(a.name)
	}
	// A worker settles a package only when none of its invoices is pending. It never abandons an
	// online session.
	switch pending := m.held(id, Packed, Sending, Unknown, Sent); {
	case to == PackageSettled && len(pending) > 0, to == PackageAbandoned && p.Lane == Express:
		return // no worker does that
	}
	believed := p
	err := m.l.MovePackage(ctx(), &p, mv)
	if !MayMovePackage(believed.State, to) {
		if err == nil || errors.As(err, new(*ConflictError)) || p != believed {
			t.Fatalf("the move from %s to %s gives %v, want an error that is not a *ConflictError", believed.State, to, err)
		}
		return
	}
	what := fmt.Sprintf("move %s (%s at %d) to %s", id, real.state, real.rev, to)
	legal := real.state == believed.State && real.rev == believed.Rev
	if !m.succeeds(what, legal, err) {
		return
	}
	real.state, real.rev = to, real.rev+1
	if to == PackageOpened {
		real.owner = a.name
	}
	for _, inv := range m.held(id, mv.InvoicesFrom...) {
		i := m.invs[inv]
		i.state, i.rev, i.group = mv.InvoicesTo, i.rev+1, mv.InvoicesGroup
		if i.state == Queued {
			i.pkg = ""
		}
		if i.state == Sending {
			i.attempts++
		}
	}
	if p.State != to || p.Rev != real.rev {
		t.Fatalf("the copy is %s at %d, want %s at %d", p.State, p.Rev, to, real.rev)
	}
	if rapid.Bool().Draw(t, "remember") {
		a.pkgs[id] = p
	}
}

// Settle writes the outcome of each invoice that a package sent. It works like a worker that has
// read the session's list but not the invoices' entries in the ledger, and so knows no revisions.
func (m *model) Settle(t *rapid.T) {
	id, ok := key(t, m.pkgs, "package")
	if !ok {
		return
	}
	var moves []Move
	for _, inv := range m.pkgs[id].members {
		moves = append(moves, Move{ID: inv, To: []State{Accepted, Rejected, Accepted}[pick(t, 3, "outcome")], From: []State{Sent}, In: id})
	}
	errs, err := m.l.Apply(ctx(), moves)
	if err != nil {
		t.Fatal(err)
	}
	for i, mv := range moves {
		real := m.invs[mv.ID]
		if m.succeeds("settle", real.state == Sent && real.pkg == id, errs[i]) {
			real.state, real.rev = mv.To, real.rev+1
			m.supersede(mv.ID)
		}
	}
}

func (m *model) Repack(t *rapid.T) {
	a := m.actor()
	id, ok := key(t, a.pkgs, "package")
	if !ok {
		return
	}
	p, real := a.pkgs[id], m.pkgs[id]
	end := rapid.SampledFrom([]PackageState{PackageAbandoned, PackageFailed}).Draw(t, "end")
	if !MayMovePackage(p.State, end) || p.Lane == Express {
		return // no worker does that
	}
	ids := m.held(id, Packed, Sending, Unknown, Sent)
	half := rapid.IntRange(0, len(ids)).Draw(t, "half")
	m.serial += 2
	one, two := fmt.Sprint("pkg-", m.serial-1), fmt.Sprint("pkg-", m.serial)
	legal := real.state == p.State && real.rev == p.Rev
	parts := []Part{{ID: one, Refusals: 1, IDs: ids[:half]}, {ID: two, Refusals: 1, IDs: ids[half:]}}
	if !m.succeeds("repack", legal, m.l.Repack(ctx(), &p, end, "refused", parts)) {
		return
	}
	real.state, real.rev = end, real.rev+1
	for pkg, part := range map[string][]string{one: ids[:half], two: ids[half:]} {
		if len(part) > 0 {
			m.adopt(pkg, Bulk, part)
		}
	}
}
