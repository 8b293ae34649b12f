package risk

import (
	"math"
	"net/netip"
)

// Geo says where addresses are (*Database).
type Geo interface {
	// Place is where an address is; the zero Place when that is not known.
	Place(address netip.Addr) Place
}

// Place is where an address is thought to be.
type Place struct {
	Country string // ISO 3166-1 alpha-2, or empty
	City    string // in English, or empty
	// Located says that Latitude and Longitude, in degrees, are known.
	Located             bool
	Latitude, Longitude float64
}

// String is the city and the country, as far as they are known.
func (p Place) String() string {
	if p.City == "" || p.Country == "" {
		return p.City + p.Country
	}
	return p.City + ", " + p.Country
}

const earthRadius = 6371.0088 // km, mean (IUGG)

// Distance is how far two located places are apart, in kilometres along the
// great circle (haversine formula: it holds for near places too).
func Distance(a, b Place) float64 {
	radians := func(degrees float64) float64 { return degrees * math.Pi / 180 }
	hav := func(angle float64) float64 { s := math.Sin(angle / 2); return s * s }
	h := hav(radians(b.Latitude-a.Latitude)) +
		math.Cos(radians(a.Latitude))*math.Cos(radians(b.Latitude))*hav(radians(b.Longitude-a.Longitude))
	return 2 * earthRadius * math.Asin(math.Sqrt(min(h, 1)))
}
