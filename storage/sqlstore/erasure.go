package sqlstore

import "context"

// traces are the statements of EraseTraces; $1 is the person, $2 the address.
var traces = []struct {
	name, sql string
	address   bool
}{
	{"factors", `DELETE FROM factors WHERE user_id = $1`, false},
	{"backup codes", `DELETE FROM backup_codes WHERE user_id = $1`, false},
	{"devices", `DELETE FROM devices WHERE user_id = $1`, false},
	{"MFA policy", `DELETE FROM mfa_policies WHERE scope = 'user' AND subject = $1`, false},
	{"links", `DELETE FROM links WHERE user_id = $1`, false},
	{"messages", `DELETE FROM messages WHERE user_id = $1`, false},
	{"consents", `DELETE FROM consents WHERE user_id = $1`, false},
	{"sessions", `UPDATE sessions SET device_name = '', user_agent = '', ip_address = '' WHERE user_id = $1`, false},
	// Who took an invitation may have changed the address since.
	{"invitations", `DELETE FROM invitations WHERE email_canonical = $2 OR accepted_by = $1`, true},
}

// EraseTraces implements storage.Erasure.
func (s *Store) EraseTraces(ctx context.Context, userID, emailCanonical string) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		s.scrubbed.Store(false)
		for _, t := range traces {
			args := []any{userID}
			if t.address {
				args = append(args, emailCanonical)
			}
			if _, err := s.exec(ctx, "erase "+t.name, t.sql, args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// Scrub implements storage.Erasure. The mark is set first: who erases meanwhile
// takes it away again. A transaction that took it away before holds the writer
// of SQLite until it is committed, and so before the pages are looked at.
func (s *Store) Scrub(ctx context.Context) error {
	if s.scrubbed.Swap(true) {
		return nil
	}
	if err := s.engine.Scrub(ctx); err != nil {
		s.scrubbed.Store(false)
		return opErr("scrub", err)
	}
	return nil
}
