package pg

import (
	"time"

	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

// scan reads a row. Destinations that pgx would not fill the way the columns
// are kept (microseconds, 0/1, lists, JSON) are read as what is kept and then
// decoded.
func scan(read func(dest ...any) error, dest []any) error {
	raw := make([]any, len(dest))
	ints := make([]int64, len(dest))
	texts := make([]string, len(dest))
	for i, d := range dest {
		switch d.(type) {
		case *bool, *time.Time, *time.Duration:
			raw[i] = &ints[i]
		case *[]string, engine.JSON:
			raw[i] = &texts[i]
		default:
			raw[i] = d
		}
	}
	if err := read(raw...); err != nil {
		return err
	}
	for i, d := range dest {
		var err error
		switch d.(type) {
		case *bool, *time.Time, *time.Duration:
			err = engine.Decode(ints[i], d)
		case *[]string, engine.JSON:
			err = engine.Decode(texts[i], d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
