package event

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/storage"
)

// Store is what the Recorder needs of the store.
type Store interface {
	storage.Transactor
	storage.Events
	storage.PersonKeys
}

// Sealer seals under one purpose of the installation's data keys (package
// keys, purpose "person"). Open fails unless aad is what Seal was given.
type Sealer interface {
	Seal(aad, plaintext []byte) []byte
	Open(aad, sealed []byte) ([]byte, error)
}

// Config is what a Recorder is made of. All fields but Notify are required.
type Config struct {
	Store  Store
	Sealer Sealer
	Clock  clock.Clock
	Random io.Reader
	// Notify is called after events were written, before their transaction has
	// ended; it must not block. Sequencer.Kick belongs here.
	Notify func()
}

// Recorder writes events. It is safe for concurrent use.
type Recorder struct {
	store   Store
	clock   clock.Clock
	notify  func()
	entries map[Type]Entry
	names   map[string]bool
	persons *persons
}

// NewRecorder makes a Recorder.
func NewRecorder(c Config) (*Recorder, error) {
	if c.Store == nil || c.Sealer == nil || c.Clock == nil || c.Random == nil {
		return nil, errors.New("event: recorder: store, sealer, clock and random are required")
	}
	persons, err := newPersons(c)
	if err != nil {
		return nil, err
	}
	r := &Recorder{
		store: c.Store, clock: c.Clock, notify: c.Notify, persons: persons,
		entries: make(map[Type]Entry), names: make(map[string]bool),
	}
	for _, e := range Catalogue() {
		r.entries[e.Type] = e
	}
	for _, n := range PersonalNames() {
		r.names[n] = true
	}
	if r.notify == nil {
		r.notify = func() {}
	}
	return r, nil
}

// Record writes events in the running transaction, or in one of its own: with
// the change they tell of, or not at all. Their actor and request are the
// context's. The caller has written, and so locked, the subject's row before
// (see the package comment, Order).
//
// ErrUndeclared means a programming error: the catalogue does not know the
// type, a member or a value's kind.
func (r *Recorder) Record(ctx context.Context, events ...Event) error {
	if len(events) == 0 {
		return nil
	}
	if len(events) > MaxBatch {
		return fmt.Errorf("event: record: %d events in one call, at most %d: %w", len(events), MaxBatch, ErrUndeclared)
	}
	rows := make([]storage.Event, len(events))
	for i, e := range events {
		row, err := r.row(ctx, e)
		if err != nil {
			return fmt.Errorf("event: record %q: %w", e.Type, err)
		}
		rows[i] = row
	}
	err := r.store.InTx(ctx, func(ctx context.Context) error {
		for i, e := range events {
			if len(e.Personal) == 0 {
				if err := r.asLong(ctx, e); err != nil {
					return err
				}
				continue
			}
			sealed, err := r.persons.seal(ctx, e.PersonalOf, rows[i], e.Personal)
			if err != nil {
				return err
			}
			rows[i].Personal = sealed
			rows[i].PersonalOf = e.PersonalOf
			if sealed == nil { // erased: nothing of the person is written any more
				rows[i].PersonalOf = ""
			}
		}
		return r.store.InsertEvents(ctx, rows...)
	})
	if err != nil {
		return fmt.Errorf("event: record: %w", err)
	}
	r.notify()
	return nil
}

// asLong takes for a login that fails as nobody the time that it takes as
// somebody, whose key is read: else the time would tell which of them it is.
func (r *Recorder) asLong(ctx context.Context, e Event) error {
	if e.Type != UserLoginFailed || e.Subject != "" {
		return nil
	}
	_, err := r.store.PersonKey(ctx, nobody)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}

// nobody is an id that no account has.
const nobody = "00000000-0000-0000-0000-000000000000"

// row checks e against the catalogue and makes the row of all but Personal.
func (r *Recorder) row(ctx context.Context, e Event) (storage.Event, error) {
	entry, ok := r.entries[e.Type]
	if !ok {
		return storage.Event{}, fmt.Errorf("type: %w", ErrUndeclared)
	}
	if err := checkHead(entry, e); err != nil {
		return storage.Event{}, err
	}
	for name := range e.Personal {
		if !r.names[name] {
			return storage.Event{}, fmt.Errorf("personal member %q: %w", name, ErrUndeclared)
		}
	}
	data, err := encodeData(entry, e.Data)
	if err != nil {
		return storage.Event{}, err
	}
	actor := ActorFrom(ctx)
	if err := checkActor(actor); err != nil {
		return storage.Event{}, err
	}
	if e.ID == "" {
		e.ID = storage.NewID()
	}
	return storage.Event{
		ID:           e.ID,
		Type:         string(e.Type),
		Time:         r.clock.Now(),
		Actor:        actor.ID,
		ActorKind:    string(actor.Kind),
		Subject:      e.Subject,
		Organization: e.Organization,
		Request:      requestID(RequestFrom(ctx)),
		TraceParent:  traceParent(ctx),
		Data:         data,
	}, nil
}

// Open returns what is personal in e, for those who may read it: nil when the
// event holds nothing personal, ErrErased when the person's key is destroyed,
// ErrSealed when it cannot be opened with that key in this place.
func (r *Recorder) Open(ctx context.Context, e storage.Event) (map[string]string, error) {
	if len(e.Personal) == 0 {
		return nil, nil
	}
	personal, err := r.persons.open(ctx, e)
	if err != nil {
		return nil, fmt.Errorf("event: open %s: %w", e.ID, err)
	}
	return personal, nil
}

// Erase destroys the person's key in the running transaction, or in one of its
// own. What was sealed under it cannot be read again, and nothing personal of
// userID is recorded from now on, on any replica. The events themselves and
// their chain stay.
func (r *Recorder) Erase(ctx context.Context, userID string) error {
	if err := r.persons.erase(ctx, userID); err != nil {
		return fmt.Errorf("event: erase: %w", err)
	}
	return nil
}

// Readable says whether the person's key stands: whether what the record holds
// sealed under it could be opened.
func (r *Recorder) Readable(ctx context.Context, userID string) (bool, error) {
	key, err := r.store.PersonKey(ctx, userID)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("event: person key: %w", err)
	}
	return !erased(key), nil
}

// Forget drops the opened key of a person from memory. Record and Open ask the
// store whether the key still stands, so this is for memory's sake only: call
// it when another replica erased the person.
func (r *Recorder) Forget(userID string) { r.persons.forget(userID) }
