// Package storage holds what Signet remembers: one record type and one small
// interface per noun, the errors every engine answers with, and the
// transaction contract. It knows no SQL and no business rule.
//
// Start at Transactor (how several changes become one) and Grants (one row per
// authorization: its code, then its refresh family). The engines are in
// storage/sqlstore (SQLite and PostgreSQL, one SQL text), the suite that each
// must pass in storage/storagetest; short-lived state that may be lost is in
// storage/volatile.
//
// Times in records are UTC and cut to microseconds; the zero time means "not
// set" and is stored as 0. Ids are lower-case UUID strings (version 7 for new
// rows, see NewID) unless the noun has a natural key.
package storage
