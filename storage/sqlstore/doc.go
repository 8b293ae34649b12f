// Package sqlstore keeps everything in an SQL database: one Store that
// implements every interface of package storage, one file per noun, one SQL
// text for both engines.
//
// Open gives a Store, Migrate brings its schema up to date. The common subset
// the statements keep to: `$N` placeholders, named columns, ON CONFLICT,
// RETURNING, CAST, EXISTS, string_agg with ORDER BY, compare-and-swap on a
// version. Times are BIGINT microseconds, booleans 0/1, lists space-separated
// text, documents JSON text; package engine converts them, so a record's field
// is an argument or a destination as it is.
//
//	Store method  ->  exec, row, rows (store.go)  ->  the transaction in ctx,
//	                                                  else engine/pg or engine/lite
package sqlstore
