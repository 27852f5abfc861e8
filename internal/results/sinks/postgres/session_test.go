package postgres

import (
	"context"
	"errors"
	"strings"
	"testing"

	"ksefworker/internal/results/sinks"
)

// at makes a receiver at a URL.
func (s *server) at(url, schema string) *Sink {
	s.t.Helper()
	sink, err := New(Options{URL: url, Schema: schema, Password: func() (string, error) { return "geheim", nil }})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = sink.Close(context.Background()) })
	return sink
}

// isOut delivers a result and returns the error of the outage that this must be.
func isOut(t *testing.T, s *Sink) error {
	t.Helper()
	err := s.Deliver(t.Context(), []sinks.Message{message("inv-b", 1, "accepted", "")})[0]
	if _, out := errors.AsType[*sinks.OutageError](err); !out {
		t.Fatalf("%v", err)
	}
	return err
}

// An answer to the connection itself says nothing about a result, whatever its class is.
func TestPostgres_AnswerToTheConnection_IsAnOutage(t *testing.T) {
	srv := start(t)
	s := srv.at(srv.url()+"?work_mem=none", "s15")
	if err := isOut(t, s); !strings.Contains(err.Error(), "22023") {
		t.Errorf("%v", err)
	}
}
