// Package postgres writes results to a PostgreSQL database, so that reports and other programs can
// read them with SQL. It makes its tables itself (migrate.go) and writes them in one transaction
// for each batch (write.go).
package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
// a value of the batch, Deliver writes the results one by one, so that only the refused one waits.
func (s *Sink) Deliver(ctx context.Context, messages []sinks.Message) []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	outer := ctx
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	err := s.write(ctx, messages)
	if err == nil {
		return make([]error, len(messages))
	}
	errs := make([]error, len(messages))
	for i := range messages {
		if refusesValue(err) && len(messages) > 1 {
			errs[i] = s.write(ctx, messages[i:i+1])
		} else {
			errs[i] = err
		}
		if errs[i] != nil && !refusesValue(errs[i]) {
			errs[i] = &sinks.OutageError{Err: inTime(outer, ctx, plain(errs[i]))}
		} else if errs[i] != nil {
			errs[i] = plain(errs[i])
		}
	}
	return errs
}

// bounded returns a context that ends when a call has taken too long. A database that hangs takes
// the bytes that it is sent and never answers, so nothing else ends the call.
func (s *Sink) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, cmp.Or(s.o.Timeout, sinks.DefaultTimeout))
}

// inTime returns [sinks.ErrNoAnswer] instead of err when the time limit of a call is over. outer is
// the context without this limit.
func inTime(outer, bounded context.Context, err error) error {
	if bounded.Err() != nil && outer.Err() == nil {
		return sinks.ErrNoAnswer
	}
	return err
}

// closeTimeout is how long the end of a connection may take. Then it is cut.
const closeTimeout = 2 * time.Second

// Close ends the connection.
func (s *Sink) Close(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	err := s.conn.Close(ctx)
	s.conn = nil
	return err
}

// write writes results in one transaction.
func (s *Sink) write(ctx context.Context, messages []sinks.Message) error {
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	insert := func(tx pgx.Tx) error { return s.insert(ctx, tx, messages) }
	err = pgx.BeginFunc(ctx, conn, insert)
	if tablesMissing(err) {
		if err = s.migrate(ctx, conn); err == nil {
			err = pgx.BeginFunc(ctx, conn, insert)
		}
	}
	if err != nil && conn.IsClosed() {
		s.conn = nil
	}
	return err
}

func (s *Sink) connect(ctx context.Context) (*pgx.Conn, error) {
	if s.conn != nil && !s.conn.IsClosed() {
		return s.conn, nil
	}
	conn, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	// The database may be another one than at the last connection, such as a restored one.
	if err := s.migrate(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	s.conn = conn
	return conn, nil
}

// migrate makes the tables, or changes them to what this build needs.
func (s *Sink) migrate(ctx context.Context, conn *pgx.Conn) error {
	made, err := migrate(ctx, conn, s.o.Schema)
	if refusesUser(err) {
		if missing := mayWrite(ctx, conn, s.o.Schema); missing != nil {
			return missing // it names the missing right, and how to grant it
		}
	}
	if made {
		s.o.Log.Warn().Str("schema", s.o.Schema).Msg("the tables of results were made; " +
			"if they were there before, send again what they held: enqueue deliveries resend postgres --since 7d")
	}
	return err
}

// dial makes a connection and leaves the tables alone.
func (s *Sink) dial(ctx context.Context) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(s.o.URL)
	if err != nil {
		return nil, errors.New("results.postgres.url cannot be read")
	}
	if cfg.Password, err = s.o.Password(); err != nil {
		return nil, err
	}
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "ksef-worker"
	}
	return pgx.ConnectConfig(ctx, cfg)
}

// errCode says that a code does not fit its column, which is an integer of 32 bits.
var errCode = errors.New("its code does not fit the column")

// refusesValue reports whether the database refuses a value. The error is then errCode, a data
// exception, or a violated constraint (classes 22 and 23 of SQLSTATE).
func refusesValue(err error) bool {
	if errors.Is(err, errCode) {
		return true
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code[:2] == "22" || e.Code[:2] == "23")
}

// tablesMissing reports whether a table, or the schema of the tables, is missing.
func tablesMissing(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "42P01" || e.Code == "3F000")
}

// refusesUser reports whether the user of the database lacks a right.
func refusesUser(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == "42501"
}

// plain returns an error that may be kept and shown. It leaves out the values that a database
// quotes in its details.
func plain(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fmt.Errorf("the database answered %s: %s", e.Code, e.Message)
	}
	return err
}
