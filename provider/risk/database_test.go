package risk_test

import (
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signet-idp/signet/internal/testkit/mmdb"
	"github.com/signet-idp/signet/provider/risk"
)

func country(code string) mmdb.Map { return mmdb.Map{"iso_code": code} }

func at(lat, long float64) mmdb.Map { return mmdb.Map{"latitude": lat, "longitude": long} }

func TestDatabase(t *testing.T) {
	d, err := risk.Open(mmdb.Write(t, map[string]mmdb.Map{
		"192.0.2.0/24":     {"country": country("DE"), "location": at(52.52, 13.405), "city": mmdb.Map{"names": mmdb.Map{"de": "Berlin-Mitte", "en": "Berlin"}}},
		"2001:db8::/32":    {"country": country("JP"), "location": at(35.68, 139.69)},
		"198.51.100.0/25":  {"country": country("FR")},
		"203.0.113.0/26":   {"location": at(0, 0)},
		"203.0.113.64/26":  {"country": country("gb"), "location": at(91, 0)},
		"203.0.113.128/26": {"country": country("GBR"), "location": mmdb.Map{"latitude": 51.5}},
		"203.0.113.192/26": {"country": "GB", "location": at(math.NaN(), 0)},
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	for address, want := range map[string]risk.Place{
		"192.0.2.7":        {Country: "DE", City: "Berlin", Located: true, Latitude: 52.52, Longitude: 13.405},
		"::ffff:192.0.2.7": {Country: "DE", City: "Berlin", Located: true, Latitude: 52.52, Longitude: 13.405},
		"2001:db8::1":      {Country: "JP", Located: true, Latitude: 35.68, Longitude: 139.69},
		"198.51.100.9":     {Country: "FR"},
		"198.51.100.200":   {},
		"127.0.0.1":        {},
		"::1":              {},
		"203.0.113.1":      {Located: true}, // zero is a place
		"203.0.113.65":     {},              // no country is written like that, no place is there
		"203.0.113.129":    {},
		"203.0.113.193":    {}, // a record of another shape
	} {
		if got := d.Place(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %+v, want %+v", address, got, want)
		}
	}
	if got := d.Place(netip.Addr{}); got != (risk.Place{}) {
		t.Errorf("no address: %+v", got)
	}
}

func TestPlaceString(t *testing.T) {
	for want, p := range map[string]risk.Place{"": {Located: true}, "DE": {Country: "DE"}, "Berlin": {City: "Berlin"}, "Berlin, DE": {Country: "DE", City: "Berlin"}} {
		if got := p.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestDatabaseUnreadable(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other.mmdb")
	if err := os.WriteFile(other, []byte("no database of places at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "nowhere.mmdb"), other, dir} {
		d, err := risk.Open(path)
		if err == nil {
			_ = d.Close()
		}
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func BenchmarkPlace(b *testing.B) {
	d, err := risk.Open(mmdb.Write(b, map[string]mmdb.Map{"192.0.2.0/24": {"country": country("DE"), "location": at(52.52, 13.405)}}))
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	address := netip.MustParseAddr("192.0.2.7")
	for b.Loop() {
		d.Place(address)
	}
}
