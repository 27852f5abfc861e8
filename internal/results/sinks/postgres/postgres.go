// Package postgres writes results to a PostgreSQL database, so that reports and other programs can
// read them with SQL. It makes its tables itself (migrate.go) and writes them in one transaction
// for each batch (write.go). answers.go says what the answers of the database mean. When a batch is
// refused, rows.go finds the results at fault. session.go makes the connection, and says when a new
// one has to replace it.
package postgres

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rs/zerolog"

	"ksefworker/internal/results/sinks"
)

// Options say how to reach a database.
type Options struct {
	URL string // postgres://user@host:5432/database, without password
	// Password returns the password, "" for none. It is called for each connection.
	Password func() (string, error)
	Schema   string // of the tables; it must have been checked to be a plain name
	// Timeout is how long one call of Deliver or Check may take, whatever it does. 0 means
	// [sinks.DefaultTimeout].
	Timeout time.Duration
	Log     zerolog.Logger
}

// Sink writes results to a database. It connects when it has something to write, and again after
// the connection broke. One connection is enough, because a batch is one transaction and batches
// come one after the other.
type Sink struct {
	o Options

	mu   sync.Mutex
	conn *pgx.Conn
}

// New returns a sink. It does not connect yet.
func New(o Options) (*Sink, error) {
	if _, err := pgx.ParseConfig(o.URL); err != nil {
		return nil, errors.New("results.postgres.url cannot be read: it must be postgres://user@host:5432/database")
	}
	return &Sink{o: o}, nil
}

// Deliver implements [sinks.Sink]. It writes a batch in one transaction. When the database refuses
// the batch, Deliver finds the results at fault and writes the others. When the database takes
// nothing, the next call has a new connection.
func (s *Sink) Deliver(ctx context.Context, messages []sinks.Message) []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	outer := ctx
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	errs := s.write(ctx, messages)
	if worn(errs) {
		_ = s.drop(ctx) // nothing is lost with it
	}
	for i, err := range errs {
		switch {
		case err == nil:
		case refusesValue(err):
			errs[i] = plain(err)
		default:
			errs[i] = &sinks.OutageError{Unreached: keepsAllOut(err), Err: plain(inTime(outer, ctx, err))}
		}
	}
	return errs
}

// bounded returns a context that ends when a call has taken too long. A database that hangs takes
// the bytes that it is sent and never answers, so nothing else ends the call.
func (s *Sink) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, cmp.Or(s.o.Timeout, sinks.DefaultTimeout))
}

// inTime returns [sinks.ErrNoAnswer] instead of err when the time limit of a call is over, unless
// err is what the database answered. outer is the context without this limit.
func inTime(outer, bounded context.Context, err error) error {
	if _, answered := errors.AsType[*pgconn.PgError](err); !answered && bounded.Err() != nil && outer.Err() == nil {
		return sinks.ErrNoAnswer
	}
	return err
}

// Close ends the connection.
func (s *Sink) Close(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drop(ctx)
}
