package postgres

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// unready says that the database could not be written to at all: there was no connection, or the
// tables could not be made.
type unready struct{ error }

// Unwrap returns the reason.
func (u *unready) Unwrap() error { return u.error }

// isUnready reports whether an error says that nothing could be written.
func isUnready(err error) bool {
	_, ok := errors.AsType[*unready](err)
	return ok
}

// ended says that the connection ended when a result was written, and that the database is well
// otherwise, because a new connection could be made. So the result is at fault, for example because
// a trigger ends the connection when it sees the result.
type ended struct{ error }

// Error returns the text that is shown for the result.
func (e *ended) Error() string {
	return "the connection ends when this result is written: " + plain(e.error).Error()
}

// Unwrap returns the error that ended the connection.
func (e *ended) Unwrap() error { return e.error }

// isEnded reports whether a result is at fault for the end of its connection.
func isEnded(err error) bool {
	_, ok := errors.AsType[*ended](err)
	return ok
}

// errCode says that a code does not fit its column, which is an integer of 32 bits.
var errCode = errors.New("its code does not fit the column")

// refusesValue reports whether the database refuses a value. In that case the error is errCode, a
// data exception, or a violated constraint (classes 22 and 23 of SQLSTATE).
func refusesValue(err error) bool {
	if errors.Is(err, errCode) {
		return true
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && !isUnready(err) && (class(e) == "22" || class(e) == "23")
}

// broken reports whether an error ended the connection, or says that there was none. No other
// result would fare better on this connection.
func broken(err error) bool {
	if errors.Is(err, errCode) {
		return false
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	return !ok || isUnready(err) || e.SeverityUnlocalized == "FATAL" || e.SeverityUnlocalized == "PANIC"
}

// seemsToConcernAll reports whether an answer most likely has nothing to do with the results that
// were written: it is about the connection, session, prepared statement, log-in, database,
// resources or system. It is no proof, because a trigger may raise an error with any code for one
// row. Any other answer of the database may well be due to one result.
func seemsToConcernAll(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || isEnded(err) {
		return false
	}
	switch class(e) {
	case "08", "25", "26", "28", "3D", "53", "58":
		return true
	case "57":
		return e.Code != canceled
	}
	return false
}

// keepsAllOut reports whether an error certainly concerns the results of every tenant. It does when
// nothing could be written at all. It also does when the database ended the connection, said why,
// and was not shown to be well otherwise. When a connection ends without an answer while a result
// is written, or when the time for the call is over, that result may be the cause.
func keepsAllOut(err error) bool {
	_, answered := errors.AsType[*pgconn.PgError](err)
	return isUnready(err) || answered && broken(err) && !isEnded(err)
}

// canceled is the SQLSTATE of a statement that took longer than statement_timeout. A single row can
// cause that.
const canceled = "57014"

// class returns the class of an error's SQLSTATE, its first two characters.
func class(e *pgconn.PgError) string { return e.Code[:min(2, len(e.Code))] }

// tablesMissing reports whether an error says that a table, or the schema of the tables, is
// missing.
func tablesMissing(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "42P01" || e.Code == "3F000")
}

// refusesUser reports whether an error says that the user of the database lacks a right.
func refusesUser(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == "42501"
}

// readOnly reports whether an error says that the server takes no writes, or took none when the
// connection was made.
func readOnly(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return errors.Is(err, pgconn.ErrReadOnlyConnection) || ok && e.Code == "25006"
}

// errReadOnly is what is said of a server that takes no writes.
var errReadOnly = errors.New("the server that answers is read-only, such as a standby: the url must lead to a server that takes writes")

// plain returns an error that may be kept and shown. It leaves out the values that a database
// quotes in its details.
func plain(err error) error {
	if isEnded(err) {
		return errors.New(err.Error())
	}
	if readOnly(err) {
		return errReadOnly
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fmt.Errorf("the database answered %s: %s", e.Code, e.Message)
	}
	return err
}
