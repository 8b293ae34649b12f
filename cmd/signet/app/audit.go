package app

import (
	"fmt"
	"time"

	"github.com/signet-idp/signet/endpoints/audit"
	record "github.com/signet-idp/signet/provider/audit"
	"github.com/signet-idp/signet/provider/event"
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
	if err := s.retain(); err != nil {
		return err
	}
	if path := s.Config.Audit.CheckpointFile; path != "" {
		file, err := record.OpenFile(path, s.Store, s.Log)
		if err != nil {
			return fmt.Errorf("app: %w", err)
		}
		s.tending = append(s.tending, file.Run)
	}
	return nil
}

// retain makes what removes events that are too old; nothing where all are kept.
func (s *Server) retain() error {
	a := s.Config.Audit
	keep := map[event.Class]time.Duration{
		event.ClassAudit: a.KeepAudit, event.ClassSecurity: a.KeepSecurity, event.ClassAccount: a.KeepAccount, event.ClassUsage: a.KeepUsage,
	}
	if max(a.KeepAudit, a.KeepSecurity, a.KeepAccount, a.KeepUsage) == 0 {
		return nil
	}
	var consumers []string
	for _, f := range s.followers {
		consumers = append(consumers, f.Name())
	}
	retention, err := record.NewRetention(record.RetentionConfig{
		Store: s.Store, Recorder: s.Recorder, Clock: s.Clock, Holder: storage.NewID(), Keep: keep, Consumers: consumers, Log: s.Log,
	})
	if err != nil {
		return fmt.Errorf("app: %w", err)
	}
	s.Telemetry.Metrics.EventsPruned(func() float64 { return float64(retention.Removed()) })
	s.tending = append(s.tending, retention.Run)
	return nil
}

// auditor serves what is asked of the record.
func (s *Server) auditor() *audit.Handler {
	return &audit.Handler{Keys: s.Keys, Directory: s.Directory, Store: s.Store, Holds: s.Holds(), Shape: s.shapes(), Clock: s.Clock}
}

// Holds keeps events from being removed.
func (c *Core) Holds() *record.Holds { return &record.Holds{Store: c.Store, Change: c.Change} }
