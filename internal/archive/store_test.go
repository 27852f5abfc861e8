package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/archivetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inBucket opens a store in a new S3 service.
func inBucket(conditions, prefix string) func(*testing.T) archive.Store {
	return func(t *testing.T) archive.Store { return open(t, archivetest.NewS3(t, conditions).In(prefix)) }
}

// TestStore is the conformance suite for all back ends.
func TestStore(t *testing.T) {
	for _, backEnd := range []struct {
		name string
		open func(t *testing.T) archive.Store
		race bool // exactly one of several Puts of different content under a new name succeeds
	}{
		{"folder", func(t *testing.T) archive.Store { return open(t, "file://"+t.TempDir()+"/kept/here") }, true},
		{"bucket", inBucket("honoured", "kept/here"), true},
		{"bucket without prefix", inBucket("honoured", ""), true},
		{"bucket that ignores conditions", inBucket("ignored", "x"), false},
		{"bucket that refuses conditions", inBucket("refused", "x"), false},
	} {
		t.Run(backEnd.name, func(t *testing.T) {
			for _, promise := range []struct {
				name string
				test func(*testing.T, archive.Store)
			}{
				{"what was put comes back", keepsBytes},
				{"the same content again succeeds, other content is a conflict", refusesOther},
				{"only results may be replaced", replacesResults},
				{"only bodies may be removed", removesBodies},
				{"bad names are refused by every method", refusesNames},
				{"many at once", takesManyAtOnce},
				{"a context that has ended stops every method", obeysContext},
				{"check passes and takes no name", checks},
				{"a folder is listed, without what is below its folders", lists},
				{"a part of an object is read", readsParts},
			} {
				t.Run(promise.name, func(t *testing.T) { promise.test(t, backEnd.open(t)) })
			}
			if backEnd.race {
				t.Run("one of many rivals wins", func(t *testing.T) { oneRivalWins(t, backEnd.open(t)) })
			}
		})
	}
}

func keepsBytes(t *testing.T, s archive.Store) {
	everyByte := make([]byte, 256)
	for i := range everyByte {
		everyByte[i] = byte(i)
	}
	for name, data := range map[string][]byte{
		"5265877635/2026-11/a.xml":         []byte("<Faktura>żółć</Faktura>"),
		"5265877635/2026-11/upo/s-1.xml":   bytes.Repeat(everyByte, 20_000), // 5 MB
		"5265877635/2026-11/a b%2F+ż?.xml": everyByte,
		"empty":                            {},
		"one":                              {0},
	} {
		if err := s.Put(t.Context(), name, data, "application/xml"); err != nil {
			t.Fatal(err)
		}
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := s.Get(t.Context(), name)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: Get returns %d bytes, %v; want the %d bytes that were put", name, len(got), err, len(data))
		}
	}
	_, err := s.Get(t.Context(), "5265877635/2026-11/b.xml")
	if !errors.Is(err, archive.ErrNotFound) || !strings.Contains(err.Error(), "b.xml") {
		t.Errorf("Get of a missing name = %v, want ErrNotFound with the name", err)
	}
}

func refusesOther(t *testing.T, s archive.Store) {
	for range 3 {
		if err := s.Put(t.Context(), "a/b.xml", []byte("<first/>"), "application/xml"); err != nil {
			t.Fatal(err)
		}
	}
	for _, other := range []string{"<second/>", "<other1/>", "<first/", ""} {
		if err := s.Put(t.Context(), "a/b.xml", []byte(other), "application/xml"); !errors.Is(err, archive.ErrConflict) {
			t.Errorf("Put of %q over <first/> = %v, want ErrConflict", other, err)
		}
	}
	if got, err := s.Get(t.Context(), "a/b.xml"); string(got) != "<first/>" {
		t.Errorf("the archive now holds %q, %v; want <first/>", got, err)
	}
}

func replacesResults(t *testing.T, s archive.Store) {
	for _, state := range []string{`{"state":"parked"}`, `{"state":"accepted"}`, `{"state":"accepted"}`, `{}`} {
		if err := s.Replace(t.Context(), "a/b.json", []byte(state), "application/json"); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get(t.Context(), "a/b.json"); string(got) != state {
			t.Errorf("the archive holds %q, %v; want %q", got, err, state)
		}
	}
	if err := s.Put(t.Context(), "a/b.json", []byte(`{"state":"x"}`), "application/json"); !errors.Is(err, archive.ErrConflict) {
		t.Errorf("Put over a result = %v, want ErrConflict", err)
	}
	for _, name := range []string{"a/b.xml", "bodies/1", "a.json/x"} {
		if err := s.Replace(t.Context(), name, []byte("x"), ""); !errors.Is(err, archive.ErrImmutable) {
			t.Errorf("Replace(%s) = %v, want ErrImmutable", name, err)
		}
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Error(err)
	}
}

func removesBodies(t *testing.T, s archive.Store) {
	for _, name := range []string{"bodies/1", "a/bodies/1", "bodies.xml"} {
		if err := s.Put(t.Context(), name, []byte("x"), ""); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := s.Remove(t.Context(), "bodies/1"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Get(t.Context(), "bodies/1"); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("Get of a removed body = %v, want ErrNotFound", err)
	}
	for _, name := range []string{"a/bodies/1", "bodies.xml"} {
		if err := s.Remove(t.Context(), name); !errors.Is(err, archive.ErrImmutable) {
			t.Errorf("Remove(%s) = %v, want ErrImmutable", name, err)
		}
		if _, err := s.Get(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Errorf("Flush after Remove = %v, want no error", err)
	}
}

func refusesNames(t *testing.T, s archive.Store) {
	for _, c := range []struct{ why, name string }{
		{"empty", ""},
		{"absolute", "/etc/passwd"},
		{"the parent folder", "../x.json"},
		{"the parent folder, in the middle", "bodies/../x.json"},
		{"this folder", "./x.json"},
		{"an empty component", "a//x.json"},
		{"a folder", "a/"},
		{"NUL", "a\x00.json"},
		{"a line break", "a\n.json"},
		{"a Windows path", `a\x.json`},
		{"a drive", "c:x.json"},
		{"a name reserved for the archive", "a/.tmp/x.json"},
		{"not UTF-8", "a\xff.json"},
		{"a component longer than file systems allow", strings.Repeat("a", 241)},
		{"longer than S3 allows", strings.Repeat("abcdefghi/", 91) + "x.json"},
	} {
		_, getErr := s.Get(t.Context(), c.name)
		for method, err := range map[string]error{
			"Put":     s.Put(t.Context(), c.name, []byte("x"), ""),
			"Replace": s.Replace(t.Context(), c.name, []byte("x"), ""),
			"Remove":  s.Remove(t.Context(), c.name),
			"Get":     getErr,
		} {
			var bad *archive.NameError
			if !errors.As(err, &bad) {
				t.Errorf("%s: %s(%q) = %v, want a NameError", c.why, method, c.name, err)
			}
		}
	}
}

func takesManyAtOnce(t *testing.T, s archive.Store) {
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 40 { // every name is put by two workers, with the same content
				name := fmt.Sprintf("a/%d/%d.xml", worker/2, i)
				if err := s.Put(t.Context(), name, []byte(name), ""); err != nil {
					t.Error(err)
				}
				if i%10 == 0 {
					if err := s.Flush(t.Context()); err != nil {
						t.Error(err)
					}
				}
				if got, err := s.Get(t.Context(), name); string(got) != name {
					t.Errorf("%s holds %q, %v; want %q", name, got, err, name)
				}
			}
		})
	}
	wg.Wait()
}

func oneRivalWins(t *testing.T, s archive.Store) {
	for round := range 20 {
		name := fmt.Sprintf("a/%d.xml", round)
		var wg sync.WaitGroup
		var won atomic.Value
		var winners, losers atomic.Int32
		for rival := range 6 {
			wg.Go(func() {
				data := fmt.Sprintf("%d was here", rival)
				switch err := s.Put(t.Context(), name, []byte(data), ""); {
				case err == nil:
					winners.Add(1)
					won.Store(data)
				case errors.Is(err, archive.ErrConflict):
					losers.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		got, err := s.Get(t.Context(), name)
		if winners.Load() != 1 || losers.Load() != 5 || err != nil || string(got) != won.Load() {
			t.Fatalf("%d won and %d lost, want 1 and 5; the archive has %q (%v), want %q of the winner",
				winners.Load(), losers.Load(), got, err, won.Load())
		}
	}
}

func obeysContext(t *testing.T, s archive.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, getErr := s.Get(ctx, "a.json")
	for method, err := range map[string]error{
		"Put": s.Put(ctx, "a.json", nil, ""), "Replace": s.Replace(ctx, "a.json", nil, ""), "Get": getErr,
		"Remove": s.Remove(ctx, "bodies/1"), "Flush": s.Flush(ctx), "Check": s.Check(ctx),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s = %v, want context.Canceled", method, err)
		}
	}
}

func checks(t *testing.T, s archive.Store) {
	if err := errors.Join(s.Check(t.Context()), s.Check(t.Context())); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), "probe", []byte("x"), ""); err != nil {
		t.Error(err)
	}
}

func open(t testing.TB, url string) archive.Store {
	t.Helper()
	s, err := archive.Open(t.Context(), url, archive.Options{AccessKey: archivetest.AccessKey, SecretKey: archivetest.SecretKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
