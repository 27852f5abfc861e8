package ledger

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Move is one change of one invoice.
type Move struct {
	ID   string
	Rev  int64   // the revision that was read, or 0 for any; then only From and In guard the move
	From []State // nil: every state from which To is legal
	To   State   // "" keeps the state and only writes fields; From is then required
	In   string  // the package that must hold the invoice; "" for any
	// Group is the waiting group to enter, only with To [Queued]. With "" the invoice leaves its
	// waiting set. But if To is "" too, the invoice stays where it waits.
	Group string
	Edit  Edit

	dropBody bool // delete the document
	newest   bool // make it the newest of its identity again, if the present newest has ended
	due      bool // the edit changes the legal deadline, so the indexes of deadlines change too
}

// moveBatch is how many moves one call of a script makes at most.
const moveBatch = 100

// Moved is the result of one move, which is the entry's new revision or the conflict that prevented
// the move.
type Moved struct {
	Rev      int64
	Conflict *ConflictError
	// Superseded are the ids of the other documents of its identity that the same step superseded.
	Superseded []string
}

// InvoiceStore moves invoices.
type InvoiceStore struct{ *store }

// Apply makes moves independently of each other. It returns one error for each move, which is nil
// or a [*ConflictError]. The second value is an error of Redis, or says that one of the moves is
// not legal. In both cases some moves may have no answer. After an error of Redis, the outcome of
// those moves is unknown. After an illegal move, they were not made.
func (is *InvoiceStore) Apply(ctx context.Context, moves []Move) ([]error, error) {
	each, err := is.ApplyEach(ctx, moves)
	out := make([]error, len(each))
	for i, m := range each {
		if m.Conflict != nil {
			out[i] = m.Conflict
		}
	}
	return out, err
}

// ApplyEach is like Apply, and also tells the new revision of each entry that was moved.
func (is *InvoiceStore) ApplyEach(ctx context.Context, moves []Move) ([]Moved, error) {
	return is.applyEach(ctx, moves, true)
}

// applyEach makes moves. With thaw, an entry that is in a bucket leaves it and is moved, if its
// state is one that the move may come from.
func (is *InvoiceStore) applyEach(ctx context.Context, moves []Move, thaw bool) ([]Moved, error) {
	out := make([]Moved, 0, len(moves))
	for len(moves) > 0 {
		n := min(len(moves), moveBatch)
		args := is.args()
		for i := range moves[:n] {
			var err error
			if args, err = is.appendMove(args, &moves[i]); err != nil {
				return out, err
			}
		}
		rows, err := is.run(ctx, moveScript, args)
		if err != nil {
			return out, fmt.Errorf("move invoices: %w", err)
		}
		var frozen []int
		for i, v := range rows {
			r := row(v)
			if rev := number(cell(r, 0)); rev != 0 {
				out = append(out, Moved{Rev: rev, Superseded: textsOf(row(cell(r, 1)))})
				continue
			}
			m := moves[i]
			c := &ConflictError{ID: m.ID, To: string(m.To), State: text(cell(r, 1)), Rev: number(cell(r, 2)),
				Package: text(cell(r, 3)), Expected: m.expected()}
			if c.State == string(Receipted) && c.Package == "" {
				c.Package = packageOf(ctx, is.store, m.ID)
			}
			if thaw && text(cell(r, 4)) == "1" && slices.Contains(m.froms(), Receipted) {
				frozen = append(frozen, i)
			}
			out = append(out, Moved{Conflict: c})
		}
		if len(frozen) > 0 {
			if err := is.applyFrozen(ctx, moves[:n], frozen, out[len(out)-n:]); err != nil {
				return out, err
			}
		}
		moves = moves[n:]
	}
	return out, nil
}

// applyFrozen takes the entries of the moves with these indexes out of their buckets, makes these
// moves again, and puts the results into out.
func (is *InvoiceStore) applyFrozen(ctx context.Context, moves []Move, which []int, out []Moved) error {
	ids, again := make([]string, len(which)), make([]Move, len(which))
	for k, i := range which {
		ids[k], again[k] = moves[i].ID, moves[i]
	}
	if _, err := is.thaw(ctx, ids); err != nil {
		return err
	}
	moved, err := is.applyEach(ctx, again, false)
	for k := range moved {
		out[which[k]] = moved[k]
	}
	return err
}

// Move makes one move. It returns a [*ConflictError] if the entry was not as expected.
func (is *InvoiceStore) Move(ctx context.Context, m Move) error {
	errs, err := is.Apply(ctx, []Move{m})
	if err != nil {
		return err
	}
	return errs[0]
}

func (m *Move) froms() []State {
	if m.From != nil || m.To == "" {
		return m.From
	}
	return invoiceMoves[m.To]
}

func (m *Move) expected() string {
	s := joinStates(m.froms())
	if m.Rev != 0 {
		s += fmt.Sprintf(" at revision %d", m.Rev)
	}
	if m.In != "" {
		s += " in " + m.In
	}
	if m.newest {
		s += " with no other document of its identity alive"
	}
	return s
}

func (is *InvoiceStore) appendMove(args []any, m *Move) ([]any, error) {
	froms := m.froms()
	if len(froms) == 0 {
		return nil, fmt.Errorf("move %s to %q: no state leads there", m.ID, m.To)
	}
	if m.Group != "" && m.To != Queued {
		return nil, fmt.Errorf("move %s to %q: only a queued invoice may wait in %s", m.ID, m.To, m.Group)
	}
	to := string(m.To)
	if to == "" {
		to = "="
	} else {
		for _, f := range froms {
			// A move to the same state is legal: an invoice that enters or leaves a waiting set
			// stays queued.
			if f != m.To && !slices.Contains(invoiceMoves[m.To], f) {
				return nil, fmt.Errorf("move %s: %s to %s is not a legal move", m.ID, f, m.To)
			}
		}
	}
	rev := ""
	if m.Rev != 0 {
		rev = fmt.Sprint(m.Rev)
	}
	var flags []string
	if m.dropBody {
		flags = append(flags, "b")
	}
	if m.newest {
		flags = append(flags, "r")
	}
	if m.due {
		flags = append(flags, "d")
	}
	args = append(args, m.ID, rev, joinStates(froms), to, m.In, m.Group, strings.Join(flags, ","), 2*len(m.Edit))
	for _, c := range m.Edit {
		var err error
		if args, err = is.appendChange(args, m.ID, c); err != nil {
			return nil, err
		}
	}
	return args, nil
}

// appendChange appends the name and the value of a field as the scripts read them. It seals the
// value if the field is a reason. id is the id of the invoice or the package that has the field.
func (st *store) appendChange(args []any, id string, c change) ([]any, error) {
	value := scalar(c.value)
	if text, ok := value.(string); ok && c.field == "reason" {
		var err error
		if value, err = st.sealText(reasonText(id), text); err != nil {
			return nil, err
		}
	}
	return append(args, c.field, value), nil
}

func scalar(v any) any {
	switch v := v.(type) {
	case Millis:
		return int64(v)
	case Lane:
		return string(v)
	case State:
		return string(v)
	}
	return v
}

func joinStates[S ~string](s []S) string {
	parts := make([]string, len(s))
	for i, x := range s {
		parts[i] = string(x)
	}
	return strings.Join(parts, ",")
}
