package archive_test

import (
	"context"
	"errors"
	"testing"

	"ksefworker/internal/archive"
)

func readsParts(t *testing.T, s archive.Store) {
	for name, data := range map[string]string{"a/b.zip": "0123456789", "a/empty.zip": ""} {
		if err := s.Put(t.Context(), name, []byte(data), ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name    string
		from, n int64
		want    string
		size    int64
	}{
		{"a/b.zip", 0, 3, "012", 10}, {"a/b.zip", 4, 2, "45", 10}, {"a/b.zip", 8, 100, "89", 10}, {"a/b.zip", 0, 10, "0123456789", 10},
		{"a/b.zip", 10, 5, "", 10}, {"a/b.zip", 70, 5, "", 10}, {"a/empty.zip", 0, 5, "", 0},
	} {
		got, size, err := archive.RangeOf(t.Context(), s, c.name, c.from, c.n)
		if err != nil || string(got) != c.want || size != c.size {
			t.Errorf("%s from %d, %d bytes: %q of %d, %v; want %q of %d", c.name, c.from, c.n, got, size, err, c.want, c.size)
		}
	}
	if _, _, err := archive.RangeOf(t.Context(), s, "a/none.zip", 0, 5); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("RangeOf an object that does not exist = %v, want ErrNotFound", err)
	}
	for _, bad := range [][2]int64{{-1, 5}, {0, 0}, {0, -1}, {0, 1 << 40}} {
		if _, _, err := archive.RangeOf(t.Context(), s, "a/b.zip", bad[0], bad[1]); err == nil {
			t.Errorf("a part of %d bytes from %d on was read, want an error", bad[1], bad[0])
		}
	}
	var name *archive.NameError
	if _, _, err := archive.RangeOf(t.Context(), s, "../x", 0, 5); !errors.As(err, &name) {
		t.Errorf("RangeOf a name outside of the archive = %v, want a NameError", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := archive.RangeOf(ctx, s, "a/b.zip", 0, 5); !errors.Is(err, context.Canceled) {
		t.Errorf("RangeOf with a context that has ended = %v, want its error", err)
	}
}

func TestRangeOf_StoreThatHasNoParts_SaysSo(t *testing.T) {
	if _, _, err := archive.RangeOf(t.Context(), struct{ archive.Store }{}, "a", 0, 1); err == nil {
		t.Error("a store that cannot read parts gives no error")
	}
}
