package risk

import (
	"fmt"
	"net/netip"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Database reads places from a file in the MaxMind DB format with records as
// GeoIP2 and GeoLite2 have them. It is mapped into memory: do not write into it,
// put another in its place. It is safe for concurrent use.
type Database struct{ reader *maxminddb.Reader }

// Open opens the file.
func Open(path string) (*Database, error) {
	r, err := maxminddb.Open(path)
	if err != nil {
		return nil, fmt.Errorf("risk: database of places: %s: %w", path, err)
	}
	return &Database{r}, nil
}

// Close gives the file up. Nothing may be asked then.
func (d *Database) Close() error { return d.reader.Close() }

// record is what is read of each.
type record struct {
	Country struct {
		Code string `maxminddb:"iso_code"`
	} `maxminddb:"country"`
	City struct {
		Names struct {
			English string `maxminddb:"en"`
		} `maxminddb:"names"`
	} `maxminddb:"city"`
	Location struct {
		Latitude  *float64 `maxminddb:"latitude"`
		Longitude *float64 `maxminddb:"longitude"`
	} `maxminddb:"location"`
}

// Place implements Geo. A record that cannot be read is as good as none: a
// login does not fail because of it.
func (d *Database) Place(address netip.Addr) Place {
	if !address.IsValid() {
		return Place{}
	}
	var r record
	if err := d.reader.Lookup(address.Unmap()).Decode(&r); err != nil {
		return Place{}
	}
	p := Place{City: r.City.Names.English}
	if isCountry(r.Country.Code) {
		p.Country = r.Country.Code
	}
	if lat, long := r.Location.Latitude, r.Location.Longitude; lat != nil && long != nil && within(*lat, 90) && within(*long, 180) {
		p.Located, p.Latitude, p.Longitude = true, *lat, *long
	}
	return p
}

func isCountry(s string) bool {
	return len(s) == 2 && 'A' <= s[0] && s[0] <= 'Z' && 'A' <= s[1] && s[1] <= 'Z'
}

// within is false for what is no number too.
func within(degrees, limit float64) bool { return degrees >= -limit && degrees <= limit }
