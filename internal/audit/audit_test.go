package audit_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/audit"
	"ksefworker/internal/redisd/redistest"
)

func TestLog_List_IsNewestFirstInPages(t *testing.T) {
	rdb, _ := redistest.New(t)
	l := audit.New(rdb, "ksef:")
	r := &audit.Recorder{Log: l, Via: "page"}
	for i := range 5 {
		if err := r.Begin(t.Context(), audit.Entry{Who: "anna", What: audit.Retry, Tenant: "A", ID: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	r.NotDone(t.Context(), audit.Entry{Who: "anna", What: audit.Retry, ID: "4"}, errors.New("it moved"))
	var got []string
	at := audit.Place("")
	for pages := 0; ; pages++ {
		some, next, err := l.List(t.Context(), at, time.Time{}, 2)
		if err != nil || pages > 5 {
			t.Fatal(err, pages)
		}
		for _, e := range some {
			if e.Who != "anna" || e.Via != "page" || time.Since(e.At) > time.Minute {
				t.Errorf("the entry is %+v, want anna, page and the present time", e)
			}
			got = append(got, e.ID+e.NotDone)
		}
		if at = next; at == "" {
			break
		}
	}
	if want := "[4it moved 4 3 2 1 0]"; fmt.Sprint(got) != want {
		t.Errorf("the entries are listed as %v, want %s", got, want)
	}
	if later, _, err := l.List(t.Context(), "", time.Now().Add(time.Hour), 10); err != nil || len(later) != 0 {
		t.Errorf("the entries since an hour from now are %v, want none; %v", later, err)
	}
}

func TestRecorder_RedisIsAway_NothingMayBeDone(t *testing.T) {
	rdb, srv := redistest.New(t)
	r := &audit.Recorder{Log: audit.New(rdb, "ksef:"), Via: "page"}
	if err := srv.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := r.Begin(t.Context(), audit.Entry{Who: "anna", What: audit.Retry}); err == nil {
		t.Error("Redis is away, but Begin returned no error")
	}
	var none *audit.Recorder
	if err := none.Begin(t.Context(), audit.Entry{}); err != nil {
		t.Errorf("a nil Recorder returned %v, want no error", err)
	}
}

func TestRecorder_KeyIsOfAnotherType_NothingMayBeDoneAndTheErrorNamesIt(t *testing.T) {
	rdb, _ := redistest.New(t)
	l := audit.New(rdb, "ksef:")
	rdb.Set(t.Context(), "ksef:audit", "x", 0)
	recorded := (&audit.Recorder{Log: l, Via: "page"}).Begin(t.Context(), audit.Entry{Who: "anna", What: audit.Retry})
	_, _, listed := l.List(t.Context(), "", time.Time{}, 1)
	for _, err := range []error{recorded, listed} {
		e, sick := errors.AsType[*audit.SickError](err)
		if !sick || e.Key != "ksef:audit" || !strings.Contains(err.Error(), "the key ksef:audit") {
			t.Errorf("the error does not name the key: %v", err)
		}
	}
}
