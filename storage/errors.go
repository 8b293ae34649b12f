package storage

import "errors"

// Errors every engine answers with. Callers test with errors.Is.
var (
	// ErrNotFound: no row has that key, or the row that a new one refers to is
	// not there.
	ErrNotFound = errors.New("storage: not found")
	// ErrConflict: a unique key is taken (e-mail address, slug, client_id).
	ErrConflict = errors.New("storage: conflict")
	// ErrVersion: the row changed since it was read; read it again and decide anew.
	ErrVersion = errors.New("storage: version mismatch")
	// ErrUnavailable: the engine cannot be reached or gave up in time. Nothing
	// was changed, or whether it was is unknown; the answer outside is 503.
	ErrUnavailable = errors.New("storage: unavailable")
	// ErrSchemaTooNew: the database was migrated by a newer binary.
	ErrSchemaTooNew = errors.New("storage: schema is newer than this binary")
	// ErrLocked: another process has the embedded database file open.
	ErrLocked = errors.New("storage: database file is in use by another process")
)
