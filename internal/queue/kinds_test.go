package queue

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPayload_OfAnyTask_IsAnIDAndAVersionAndNothingElse(t *testing.T) {
	for _, id := range []string{"inv-a", "5265877635|v3|online", `quo"te`, "żółć", strings.Repeat("x", 300)} {
		raw := payload{ID: id}.encode()
		got, err := decodePayload(raw)
		if err != nil || got.ID != id {
			t.Errorf("the payload with the id %q was decoded as %q, %v, want the same id", id, got.ID, err)
		}
	}
	if got := string(payload{ID: "inv-a"}.encode()); got != `{"v":1,"id":"inv-a"}` {
		t.Errorf("the payload is %s, want the form of older workers, because their tasks must be read too", got)
	}
}

func TestDecodePayload_ForeignPayload_IsAnErrorAndNeverAnID(t *testing.T) {
	for name, c := range map[string]struct{ raw, want string }{
		"a newer version":          {`{"v":2,"id":"inv-a","more":1}`, "version 2: this worker reads version 1"},
		"no version":               {`{"id":"inv-a"}`, "version 0"},
		"no id":                    {`{"v":1}`, "version 1"},
		"an empty id":              {`{"v":1,"id":""}`, "version 1"},
		"nothing":                  {``, "read payload"},
		"not JSON":                 {`inv-a`, "read payload"},
		"an id that is a number":   {`{"v":1,"id":7}`, "read payload"},
		"two payloads in one":      {`{"v":1,"id":"a"}{"v":1,"id":"b"}`, "read payload"},
		"a version that is a text": {`{"v":"1","id":"a"}`, "read payload"},
	} {
		if p, err := decodePayload([]byte(c.raw)); err == nil || p.ID != "" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s was decoded as the id %q with %v, want no id and an error with %q", name, p.ID, err, c.want)
		}
	}
	// A newer worker may add a field to the payload and keep the version. An older worker reads
	// such a payload and ignores the field.
	if p, err := decodePayload([]byte(`{"v":1,"id":"a","shown":"FV/1"}`)); err != nil || p.ID != "a" {
		t.Errorf("a payload with a field of a newer worker was decoded as %q, %v, want the id a", p.ID, err)
	}
}

func TestTaskID_OfAnyTask_IsKindIDRevisionAndUnique(t *testing.T) {
	for want, got := range map[string]string{
		"invoice:submit:inv-a:7":           TaskID(KindSubmit, "inv-a", 7),
		"package:confirm:pkg-a":            TaskID(KindConfirm, "pkg-a", 0),
		"package:cut:1111111111|v3|online": TaskID(KindCut, "1111111111|v3|online", 0),
	} {
		if got != want {
			t.Errorf("the id of the task is %s, want %s", got, want)
		}
	}
	seen := map[string]bool{}
	for _, k := range Kinds() {
		for _, id := range []string{"a", "b"} {
			for _, rev := range []int64{0, 1, 2, 11} {
				task := TaskID(k, id, rev)
				if seen[task] || strings.HasSuffix(task, replacementSuffix) {
					t.Errorf("%s is the id of two tasks, or has the form of the id of a replacement", task)
				}
				seen[task] = true
			}
		}
	}
}

func TestKinds_EachKind_HasAServedQueueAndATimeout(t *testing.T) {
	weights := Queues()
	var used []string
	for _, k := range Kinds() {
		for _, q := range k.Queues() {
			if weights[q] <= 0 {
				t.Errorf("%s waits in %q, which no worker serves", k, q)
			}
		}
		if d := k.timeout(); d < time.Minute || d > 24*time.Hour {
			t.Errorf("%s may take %v, want between a minute and a day", k, d)
		}
		used = append(used, k.Queues()...)
	}
	for q := range weights {
		if !slices.Contains(used, q) {
			t.Errorf("workers serve the queue %s, but no kind uses it", q)
		}
	}
	if KindPackage.timeout() < 50*20*time.Minute {
		t.Errorf("a package may take %v, want at least the 20 minutes that KSeF allows for each of 50 parts", KindPackage.timeout())
	}
	Queues()[QueueExpress] = 0
	if Queues()[QueueExpress] == 0 {
		t.Error("two callers of Queues get the same map, want a map for each")
	}
}
