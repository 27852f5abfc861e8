package postgres

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"ksefworker/internal/results/sinks"
)

// write writes results and returns what became of each. It makes the tables when they are missing.
func (s *Sink) write(ctx context.Context, messages []sinks.Message) []error {
	err := s.together(ctx, messages)
	if tablesMissing(err) {
		if err := s.migrate(ctx, s.conn); err != nil {
			return slices.Repeat([]error{&unready{err}}, len(messages))
		}
		err = s.together(ctx, messages)
	}
	if err == nil {
		return make([]error, len(messages))
	}
	return find(ctx, messages, err, database{
		write: func(part []sinks.Message) error { return s.together(ctx, part) },
		well:  func() error { return s.ready(ctx) },
	})
}

// together writes results in one transaction. If an error ends the connection, the next call makes
// a new one.
func (s *Sink) together(ctx context.Context, part []sinks.Message) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	err := pgx.BeginFunc(ctx, s.conn, func(tx pgx.Tx) error { return s.insert(ctx, tx, part) })
	if err != nil && broken(err) {
		_ = s.drop(ctx) // it is of no use any more
	}
	return err
}

// ready makes a connection when there is none. The error is an [*unready].
func (s *Sink) ready(ctx context.Context) error {
	if _, err := s.connect(ctx); err != nil {
		return &unready{err}
	}
	return nil
}

// insert writes the event of each result. It also writes the row of the invoice, unless the row
// already has this or a newer result.
func (s *Sink) insert(ctx context.Context, tx pgx.Tx, messages []sinks.Message) error {
	schema := pgx.Identifier{s.o.Schema}.Sanitize()
	b := &pgx.Batch{}
	for i := range messages {
		m := &messages[i]
		if m.Code != int(int32(m.Code)) {
			return errCode
		}
		b.Queue("insert into "+schema+`.events (id, revision, tenant, state, ksef_number, code, reason, at)
			values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`,
			m.ID, m.Revision, clean(m.Tenant), m.State, null(m.KsefNumber), m.Code, clean(m.Reason), m.At)
		b.Queue("insert into "+schema+`.invoices as old (id, revision, tenant, ref, nip, number, kind, issue_date, state, ksef_number,
				code, reason, gross, currency, deadline, updated_at, attempts, recovered, superseded_by, file, hash,
				package, session, upo, qr_link, result)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)
			on conflict (id) do update set
				revision = excluded.revision, tenant = excluded.tenant, ref = excluded.ref, nip = excluded.nip, number = excluded.number,
				kind = excluded.kind, issue_date = excluded.issue_date, state = excluded.state, ksef_number = excluded.ksef_number,
				code = excluded.code, reason = excluded.reason, gross = coalesce(excluded.gross, old.gross),
				currency = coalesce(excluded.currency, old.currency), deadline = excluded.deadline, updated_at = excluded.updated_at,
				attempts = excluded.attempts, recovered = excluded.recovered, superseded_by = excluded.superseded_by,
				file = excluded.file, hash = excluded.hash, package = excluded.package, session = excluded.session,
				upo = excluded.upo, qr_link = excluded.qr_link, result = excluded.result, written_at = now()
			where old.revision < excluded.revision`,
			m.ID, m.Revision, clean(m.Tenant), null(m.Ref), clean(m.NIP), clean(m.Number), clean(m.Kind), date(m.IssueDate), m.State,
			null(m.KsefNumber), m.Code, clean(m.Reason), amount(m.Gross), null(m.Currency), moment(m.Deadline), moment(m.UpdatedAt),
			m.Attempts, m.Recovered, null(m.SupersededBy), clean(m.File), m.Hash, null(m.Package), null(m.Session), null(m.UPO),
			null(m.QRLink), document(m.JSON))
	}
	return tx.SendBatch(ctx, b).Close()
}

// clean removes NUL and replaces invalid UTF-8, because a text of PostgreSQL can hold neither.
func clean(s string) string { return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "") }

// null returns NULL for an empty text.
func null(s string) *string {
	if s = clean(s); s == "" {
		return nil
	}
	return &s
}

// document returns a result without escaped NULs, which jsonb does not take.
func document(json []byte) string {
	text := string(json)
	for nul.MatchString(text) { // two matches may need the same character
		text = nul.ReplaceAllString(text, "$1")
	}
	return text
}

// nul matches an escaped NUL whose backslash is not escaped itself.
var nul = regexp.MustCompile(`((?:^|[^\\])(?:\\\\)*)\\u0000`)

// date returns NULL for a text that is not a date. A refused document may have such an issue date.
func date(s string) *time.Time {
	at, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return nil
	}
	return &at
}

func moment(s string) *time.Time {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return nil
	}
	return &at
}

var decimal = regexp.MustCompile(`^-?[0-9]{1,30}(\.[0-9]{1,10})?$`)

// amount returns NULL for what is not an amount.
func amount(s string) *string {
	if !decimal.MatchString(s) {
		return nil
	}
	return &s
}
