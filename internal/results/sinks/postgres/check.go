package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Check connects and asks whether the database can hold every text, and whether the user may make
// the tables or write to them. It changes nothing.
func (s *Sink) Check(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	outer := ctx
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	conn, err := s.dial(ctx)
	if err != nil {
		return plain(inTime(outer, ctx, err))
	}
	defer func() { _ = conn.Close(ctx) }() // nothing was written
	if err = holdsTexts(ctx, conn); err == nil {
		err = mayWrite(ctx, conn, s.o.Schema)
	}
	if err != nil {
		return plain(inTime(outer, ctx, err))
	}
	return nil
}

// holdsTexts returns an error when the encoding of the database lacks characters that a text may
// have. Such a database refuses each result that has one of these characters.
func holdsTexts(ctx context.Context, conn *pgx.Conn) error {
	var name, encoding string
	err := conn.QueryRow(ctx, "select datname, pg_encoding_to_char(encoding) from pg_database where datname = current_database()").
		Scan(&name, &encoding)
	if err == nil && encoding != "UTF8" {
		err = fmt.Errorf("database %s has the encoding %s, which cannot hold every text of an invoice: "+
			"use one that was made with: create database NAME encoding 'UTF8' template template0", name, encoding)
	}
	return err
}

// mayWrite returns an error when the user lacks a right for writing results into a schema, or when
// the schema has only one of the two tables. The error says what to do.
func mayWrite(ctx context.Context, conn *pgx.Conn, schema string) error {
	name := pgx.Identifier{schema}.Sanitize()
	var user string
	var there, tables, events, ok bool
	err := conn.QueryRow(ctx, "select current_user, exists(select from pg_namespace where nspname = $1)", schema).Scan(&user, &there)
	if err != nil {
		return err
	}
	if !there {
		err = conn.QueryRow(ctx, "select has_database_privilege(current_database(), 'create')").Scan(&ok)
		if err == nil && !ok {
			err = fmt.Errorf("schema %s does not exist, and user %s may not make one: run: create schema %s authorization %s",
				schema, user, name, pgx.Identifier{user}.Sanitize())
		}
		return err
	}
	if err = conn.QueryRow(ctx, "select has_schema_privilege($1, 'usage')", schema).Scan(&ok); err == nil && ok {
		err = conn.QueryRow(ctx, "select to_regclass($1) is not null, to_regclass($2) is not null",
			schema+".invoices", schema+".events").Scan(&tables, &events)
	}
	switch {
	case err != nil:
		return err
	case ok && tables != events:
		return errHalf
	case ok && tables:
		err = conn.QueryRow(ctx, `select coalesce(bool_and(has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'insert')), false)
			and coalesce(bool_and(has_table_privilege(c.oid, 'update')) filter (where c.relname = 'invoices'), false)
			from pg_class c join pg_namespace n on n.oid = c.relnamespace
			where n.nspname = $1 and c.relname in ('invoices', 'events')`, schema).Scan(&ok)
	case ok:
		err = conn.QueryRow(ctx, "select has_schema_privilege($1, 'create')", schema).Scan(&ok)
	}
	if err == nil && !ok {
		err = errors.New("user " + user + " may not write in schema " + schema + ": make it the owner of the schema and its tables")
	}
	return err
}
