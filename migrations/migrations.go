// Package migrations holds the numbered SQL that makes the schema. A migration
// only expands; what it leaves behind is contracted a release later, so that
// version N and N+1 of the binary run side by side.
package migrations

import "embed"

// Files holds the migrations, NNNN_name.sql, in one text for both engines.
//
//go:embed *.sql
var Files embed.FS
