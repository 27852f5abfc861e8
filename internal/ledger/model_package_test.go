package ledger

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"pgregory.net/rapid"
)

// Send is the express lane: begin, and then, unless the worker dies, what came of the post.
func (m *model) Send(t *rapid.T) {
	a, inv, real := m.copied(t)
	own := maps.Clone(a.pkgs)
	maps.DeleteFunc(own, func(_ string, p Package) bool { return p.Lane != Express })
	pkg, ok := key(t, own, "package")
	if !ok || real == nil {
		return
	}
	if pick(t, 3, "looks again") > 0 {
		var err error
		if inv, err = m.l.Invoice(ctx(), inv.ID); err != nil {
			t.Fatal(err)
		}
	}
	p := m.pkgs[pkg]
	legal := p.state == PackageOpened && p.owner == a.name && real.state == Queued && real.rev == inv.Rev
	rev, _, err := m.l.BeginSend(ctx(), pkg, a.name, &inv)
	if !m.judge("begin send", legal, err) {
		return
	}
	real.state, real.rev, real.group, real.pkg = Sending, real.rev+1, "", pkg
	real.attempts++
	if !slices.Contains(p.members, inv.ID) {
		p.members = append(p.members, inv.ID)
	}
	m.Check(t)
	if to := []State{"", Sent, Unknown}[pick(t, 3, "answer")]; to != "" {
		m.judge("write the answer", true, m.l.Move(ctx(), Move{ID: inv.ID, Rev: rev, To: to}))
		real.state, real.rev = to, real.rev+1
	}
}

// held lists the members that the package holds in one of the states.
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
	if next := slices.Index(packageWay, p.State) + 1; next > 0 && next < len(packageWay) && pick(t, 3, "onwards") > 0 {
		to = packageWay[next]
	}
	mv := stepOf(&p, to)
	if to == PackageOpened {
		mv.Set[1].Value = a.name
	}
	// The worker settles when nothing is pending, and abandons only packages that were cut: it looks before.
	switch pending := m.held(id, Packed, Sending, Unknown, Sent); {
	case to == PackageSettled && len(pending) > 0, to == PackageAbandoned && p.Lane == Express:
		return // no worker does that
	}
	believed := p
	err := m.l.MovePackage(ctx(), &p, mv)
	if !MayMovePackage(believed.State, to) {
		if err == nil || errors.As(err, new(*ConflictError)) || p != believed {
			t.Fatalf("%s to %s: %v", believed.State, to, err)
		}
		return
	}
	if !m.judge(fmt.Sprintf("move %s (%s at %d) to %s", id, real.state, real.rev, to), real.state == believed.State && real.rev == believed.Rev, err) {
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

// Settle writes the outcome of everything that a package sent, as somebody does who has read the session's list and not the entries.
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
		if m.judge("settle", real.state == Sent && real.pkg == id, errs[i]) {
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
	if !m.judge("repack", legal, m.l.Repack(ctx(), &p, end, "refused", []Part{{ID: one, Refusals: 1, IDs: ids[:half]}, {ID: two, Refusals: 1, IDs: ids[half:]}})) {
		return
	}
	real.state, real.rev = end, real.rev+1
	for pkg, part := range map[string][]string{one: ids[:half], two: ids[half:]} {
		if len(part) > 0 {
			m.adopt(pkg, Bulk, part)
		}
	}
}
