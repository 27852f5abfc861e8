package app

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
)

const (
	// namedBody is how much of a request's body is searched for the tasks that it names. The ids of
	// a page of the dashboard take only a few kB.
	namedBody = 1 << 20
	// namedShown is how many ids of tasks are logged, and namedLength how long each id may be.
	namedShown  = 20
	namedLength = 200
)

// tasksNamed returns the first ids of tasks that the body of a request names (batch_delete,
// batch_archive, batch_run), and how many it names in all. For a body of more than namedBody bytes,
// or one that is not JSON of the expected form, it returns none. The handler still reads the whole
// body.
func tasksNamed(r *http.Request) (ids []string, n int) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, 0
	}
	whole := r.Body
	head, err := io.ReadAll(io.LimitReader(whole, namedBody))
	rest := io.Reader(whole)
	if err != nil {
		rest = failing{err}
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), rest), whole}
	var body struct {
		IDs []string `json:"task_ids"`
	}
	if json.Unmarshal(head, &body) != nil {
		return nil, 0
	}
	for _, id := range body.IDs[:min(len(body.IDs), namedShown)] {
		ids = append(ids, id[:min(len(id), namedLength)])
	}
	return ids, len(body.IDs)
}

// failing gives the handler the error that reading the body gave.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
