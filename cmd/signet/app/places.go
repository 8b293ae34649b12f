package app

import (
	"fmt"

	"github.com/signet-idp/signet/provider/risk"
)

// openPlaces opens the operator's database of places, if there is one. It stays
// open as long as the process: a late request must not read what is unmapped.
func (s *Server) openPlaces() error {
	path := s.Config.Geo.Database
	if path == "" {
		return nil
	}
	d, err := risk.Open(path)
	if err != nil {
		return fmt.Errorf("app: geo.database: %w", err)
	}
	s.Geo = d
	return nil
}
