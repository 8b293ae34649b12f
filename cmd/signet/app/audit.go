package app

import (
	"fmt"

	"github.com/signet-idp/signet/endpoints/audit"
	record "github.com/signet-idp/signet/provider/audit"
	"github.com/signet-idp/signet/storage"
)

// tend makes what looks after the record: the signer of its checkpoints, and the
// file that keeps them outside the database.
func (s *Server) tend() error {
	signer, err := record.NewCheckpointer(record.CheckpointerConfig{
		Store: s.Store, Recorder: s.Recorder, Keys: s.Keys, Clock: s.Clock, Issuer: s.Config.Issuer, Holder: storage.NewID(), Log: s.Log,
	})
	if err != nil {
		return fmt.Errorf("app: %w", err)
	}
	s.Telemetry.Metrics.ChainBroken(func() float64 { return float64(signer.Broken()) })
	s.tending = append(s.tending, signer.Run)
	if path := s.Config.Audit.CheckpointFile; path != "" {
		file, err := record.OpenFile(path, s.Store, s.Log)
		if err != nil {
			return fmt.Errorf("app: %w", err)
		}
		s.tending = append(s.tending, file.Run)
	}
	return nil
}

// auditor serves what is asked of the record.
func (s *Server) auditor() *audit.Handler {
	return &audit.Handler{Keys: s.Keys, Directory: s.Directory, Store: s.Store, Clock: s.Clock}
}
