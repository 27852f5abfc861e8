package ledger

import (
	"context"
	"fmt"
)

const (
	// resizeStep is how many invoices of a waiting set one step counts. Such a step takes Redis two
	// milliseconds.
	resizeStep = 1000
	// resizeTries is how often the count of one set is tried.
	resizeTries = 5
)

// resize counts the bytes of all waiting sets again. The count of a set may be wrong after a person
// has deleted the count or one of the set's two indexes. resize reports false if it could not count
// some set, for example because invoices left the set during every try. The count of that set stays
// as it was.
func (us *UnreadableStore) resize(ctx context.Context) (all bool, err error) {
	groups, err := us.rdb.SMembers(ctx, us.key(keyGroups)).Result()
	if err != nil {
		if wrongType(err) {
			return true, nil // the key is sick and is reported; when it is well again, all is counted
		}
		return false, fmt.Errorf("count again what waits: %w", err)
	}
	all = true
	for _, group := range groups {
		done, err := us.resizeGroup(ctx, group, resizeStep)
		if err != nil {
			return false, fmt.Errorf("count again what waits in %s: %w", group, err)
		}
		all = all && done
	}
	return all, nil
}

func (us *UnreadableStore) resizeGroup(ctx context.Context, group string, step int) (bool, error) {
	var so []any
	for tries := 0; tries < resizeTries; {
		r, err := us.run(ctx, resizeScript, append(us.args(group, step), so...))
		if err != nil {
			return false, err
		}
		switch text(cell(r, 0)) {
		case "done":
			return true, nil
		case "more":
			so = r[1:]
		default:
			so, tries = nil, tries+1
		}
	}
	return false, nil
}
