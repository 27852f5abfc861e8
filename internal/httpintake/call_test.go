package httpintake

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// The server fails in the middle of an answer. The caller must see that the answer is incomplete,
// and the log must say why.
func TestCall_HandlerPanicsInTheMiddleOfItsAnswer_IsCutOffAndLogged(t *testing.T) {
	var log bytes.Buffer
	s := &Server{core: &core{o: Options{Now: time.Now, Log: zerolog.New(&log)}}}
	srv := httptest.NewServer(s.anybody("GET /half", func(c *call) error {
		c.w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(c.w, `{"half":`)
		panic("the fault")
	}))
	res, err := srv.Client().Get(srv.URL + "/half")
	if err == nil {
		_, err = io.ReadAll(res.Body)
		res.Body.Close()
	}
	srv.Close()
	if err == nil {
		t.Error("the caller read half an answer and got no error")
	}
	if said := log.String(); !strings.Contains(said, "the answer was cut off") || !strings.Contains(said, "the fault") {
		t.Errorf("the log does not say that the answer was cut off, and why: %s", said)
	}
}
