package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// connect returns the connection, and makes one when there is none.
func (s *Sink) connect(ctx context.Context) (*pgx.Conn, error) {
	if s.conn != nil && !s.conn.IsClosed() {
		return s.conn, nil
	}
	conn, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	// This may not be the database of the last connection. It may, for example, have been restored.
	if err := s.migrate(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	s.conn = conn
	return conn, nil
}

// dial makes a connection and leaves the tables alone. A server that takes no writes is passed
// over, whatever target_session_attrs the address has, and the next server of the address is tried.
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
	cfg.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	return pgx.ConnectConfig(ctx, cfg)
}

// worn reports whether a connection must not be used again after a batch with these errors. Perhaps
// only the session is at fault, because it began on a standby, or before a right or a setting
// changed. A new session shows how the database is now.
func worn(errs []error) bool {
	taken, unclear := false, false
	for _, err := range errs {
		switch {
		case err == nil:
			taken = true
		case isEnded(err): // the connection that it ended is dropped already
			unclear = true
		case broken(err):
			return true
		case !refusesValue(err):
			unclear = true
		}
	}
	return unclear && !taken
}

// closeTimeout is how long the orderly end of a connection may take. After that time the connection
// is cut.
const closeTimeout = 2 * time.Second

// drop ends the connection, even when ctx has ended. The next batch gets a new connection.
func (s *Sink) drop(ctx context.Context) error {
	if s.conn == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	err := s.conn.Close(ctx)
	s.conn = nil
	return err
}
