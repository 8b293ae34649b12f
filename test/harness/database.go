package harness

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
	_ "modernc.org/sqlite"             // the driver sqlite
)

// Database looks into an instance's database beside the server, as an intruder
// or a backup would.
type Database struct {
	tb testing.TB
	db *sql.DB
	pg bool
}

// OpenDatabase opens what a Signet database URL names.
func OpenDatabase(tb testing.TB, databaseURL string) *Database {
	tb.Helper()
	d := &Database{tb: tb}
	driver, dsn := "pgx", databaseURL
	if path, ok := strings.CutPrefix(databaseURL, "sqlite:"); ok {
		driver, dsn = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)"
	} else {
		d.pg = true
	}
	var err error
	if d.db, err = sql.Open(driver, dsn); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = d.db.Close() })
	return d
}

// Rows runs a query; values are text, bytes as hex.
func (d *Database) Rows(query string, args ...any) [][]string {
	d.tb.Helper()
	rows, err := d.db.QueryContext(d.tb.Context(), query, args...)
	if err != nil {
		d.tb.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		d.tb.Fatal(err)
	}
	var out [][]string
	for rows.Next() {
		cells := make([]any, len(columns))
		for i := range cells {
			cells[i] = new(any)
		}
		if err := rows.Scan(cells...); err != nil {
			d.tb.Fatal(err)
		}
		row := make([]string, len(columns))
		for i, c := range cells {
			switch v := (*c.(*any)).(type) {
			case nil:
			case []byte:
				row[i] = hex.EncodeToString(v)
			default:
				row[i] = fmt.Sprint(v)
			}
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		d.tb.Fatal(err)
	}
	return out
}

// Tables lists the tables there are.
func (d *Database) Tables() []string {
	d.tb.Helper()
	query := `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`
	if d.pg {
		query = `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY table_name`
	}
	var out []string
	for _, row := range d.Rows(query) {
		out = append(out, row[0])
	}
	return out
}

// Dump returns every row of every table, by table.
func (d *Database) Dump() map[string][][]string {
	d.tb.Helper()
	out := map[string][][]string{}
	for _, table := range d.Tables() {
		out[table] = d.Rows(`SELECT * FROM "` + table + `"`)
	}
	return out
}
