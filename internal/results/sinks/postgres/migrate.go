package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// migrations are the changes of the tables, in order. A released migration is never changed. %s is
// the schema.
var migrations = []string{
	`create table %s.invoices (
		id text primary key,
		revision bigint not null,
		tenant text not null,
		ref text,
		nip text not null,
		number text not null,
		kind text not null,
		issue_date date,
		state text not null,
		ksef_number text,
		code integer not null,
		reason text not null,
		gross numeric,
		currency text,
		deadline timestamptz,
		updated_at timestamptz,
		attempts integer not null,
		recovered boolean not null,
		superseded_by text,
		file text not null,
		hash text not null,
		package text,
		session text,
		upo text,
		qr_link text,
		result jsonb not null,
		written_at timestamptz not null default now()
	);
	create index on %s.invoices (tenant, issue_date);
	create index on %s.invoices (state);
	create index on %s.invoices (number);
	create index on %s.invoices (ksef_number);
	create index on %s.invoices (ref);
	create table %s.events (
		id text not null,
		revision bigint not null,
		tenant text not null,
		state text not null,
		ksef_number text,
		code integer not null,
		reason text not null,
		at timestamptz not null,
		written_at timestamptz not null default now(),
		primary key (id, revision)
	);
	create index on %s.events (at);
	comment on table %s.invoices is 'Invoices and refused documents, each with its newest result';
	comment on table %s.events is 'Everything that became final, in order of at';`,
}

// lockKey keeps two processes from making the tables at the same time. It is any number that other
// programs are unlikely to use.
const lockKey = 0x6b736566_72657331

// migrate makes the tables, or changes them to what this build needs.
func (s *Sink) migrate(ctx context.Context, conn *pgx.Conn) error {
	made, err := migrate(ctx, conn, s.o.Schema)
	if refusesUser(err) {
		if missing := mayWrite(ctx, conn, s.o.Schema); missing != nil {
			return missing // it says what the user may not do, and what to do about it
		}
	}
	if made {
		s.o.Log.Warn().Str("schema", s.o.Schema).Msg("the tables of results were made; " +
			"if they were there before, send again what they held: enqueue deliveries resend postgres --since 7d")
	}
	return err
}

// migrate makes the schema and its tables, or changes them to what this build needs. Tables that a
// newer build has changed are left as they are, because newer builds only add to them. made says
// that the tables were not there.
func migrate(ctx context.Context, conn *pgx.Conn, schema string) (made bool, err error) {
	name := pgx.Identifier{schema}.Sanitize()
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock($1)", int64(lockKey)); err != nil {
			return err
		}
		var there bool
		// A role that may use the schema may lack the right to make one, so the schema is made only
		// when it is missing.
		if err := tx.QueryRow(ctx, "select exists(select from pg_namespace where nspname = $1)", schema).Scan(&there); err != nil {
			return err
		}
		if !there {
			if _, err := tx.Exec(ctx, "create schema "+name); err != nil {
				return err
			}
		}
		if err := tx.QueryRow(ctx, "select to_regclass($1) is not null", schema+".schema_version").Scan(&there); err != nil {
			return err
		}
		if !there {
			if _, err := tx.Exec(ctx, "create table "+name+
				".schema_version (version integer primary key, at timestamptz not null default now())"); err != nil {
				return err
			}
		}
		var version int
		if err := tx.QueryRow(ctx, "select coalesce(max(version), 0) from "+name+".schema_version").Scan(&version); err != nil {
			return err
		}
		if version > 0 {
			if version, err = versionLeft(ctx, tx, schema, version); err != nil {
				return err
			}
		}
		made = version == 0
		for n := version; n < len(migrations); n++ {
			if _, err := tx.Exec(ctx, strings.ReplaceAll(migrations[n], "%s", name)); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "insert into "+name+".schema_version (version) values ($1) on conflict do nothing", n+1); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("make the tables in schema %s: %w", schema, err)
	}
	return made, nil
}

// versionLeft returns the recorded version if the tables are still there. It returns 0 when a
// person has dropped them and their version is still on record.
func versionLeft(ctx context.Context, tx pgx.Tx, schema string, recorded int) (int, error) {
	var invoices, events bool
	err := tx.QueryRow(ctx, "select to_regclass($1) is not null, to_regclass($2) is not null",
		schema+".invoices", schema+".events").Scan(&invoices, &events)
	switch {
	case err != nil:
		return 0, err
	case invoices && events:
		return recorded, nil
	case invoices || events:
		return 0, errHalf
	case recorded > len(migrations):
		return 0, errNewer
	}
	return 0, nil // the record stays, because in a shared schema it may be another program's
}

// errNewer says that the tables were dropped, and that a newer build has recorded their version.
// This build would make older tables, and the newer build would take them for its own.
var errNewer = errors.New("the tables are missing, and schema_version has a version that this program does not know: start the newer " +
	"program, or give this one a schema of its own")

// errHalf says that one of the tables was dropped. Only a person may decide to drop the other one.
var errHalf = errors.New("one of the tables invoices and events is missing: restore it, or rename or drop the other one too, " +
	"and both are made again")
