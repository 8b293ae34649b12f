// Package session begins, finds and ends login sessions: what the sid claim
// names. A browser session hangs on a cookie, an offline session carries an
// offline_access grant past it, a JSON session was begun by POST /auth/login;
// all three end the same way (Manager.End).
package session

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

// ErrNone says that the cookie names no live session.
var ErrNone = errors.New("session: none")

// Store is what sessions need of storage.
type Store interface {
	storage.Sessions
	storage.SessionLists
	storage.LogoutDeliveries
	RevokeGrantsOfSession(ctx context.Context, sessionID, reason string, keepOffline bool, at time.Time) (int64, error)
	RevokeGrantsOfUser(ctx context.Context, userID, exceptSession, reason string, at time.Time) (int64, error)
}

// Hasher makes the keyed hash under which a cookie's secret is stored; several
// while keys rotate, the newest first.
type Hasher interface {
	Hash(secret []byte) []byte
	HashAll(secret []byte) [][]byte
}

// Clients answers which clients want to hear of a logout.
type Clients interface {
	// BackchannelLogoutURI is empty when the client does not.
	BackchannelLogoutURI(ctx context.Context, clientID string) (string, error)
}

// Lifetimes of sessions.
type Lifetimes struct {
	Idle     time.Duration // without activity
	Absolute time.Duration
}

// Why a session ends.
const (
	// ReasonLogout: the person signed out of it.
	ReasonLogout = "logout"
	// ReasonReplaced: another person signed in with the same browser.
	ReasonReplaced = "replaced"
	// ReasonPerson: the person ended it from another one.
	ReasonPerson = "ended_by_person"
)

// Manager begins, finds and ends sessions. It is safe for concurrent use.
type Manager struct {
	store   Store
	change  change.Runner
	hash    Hasher
	clients Clients
	clock   clock.Clock
	rand    io.Reader
	life    Lifetimes
	touched *otter.Cache[string, time.Time]
}

// touchEvery is how often activity of one session is written.
const touchEvery = 5 * time.Minute

// New makes a Manager.
func New(store Store, run change.Runner, hash Hasher, clients Clients, clk clock.Clock, life Lifetimes) (*Manager, error) {
	touched, err := otter.New(&otter.Options[string, time.Time]{MaximumSize: 50_000})
	if err != nil {
		return nil, fmt.Errorf("session: cache: %w", err)
	}
	return &Manager{
		store: store, change: run, hash: hash, clients: clients, clock: clk, rand: rand.Reader, life: life, touched: touched,
	}, nil
}

// Authentication is what was just proven.
type Authentication struct {
	UserID string
	Time   time.Time
	ACR    string
	AMR    []string // RFC 8176
}

// Device is where the person sits.
type Device struct {
	Name      string
	UserAgent string
	IPAddress string
}

// Bounds of what is kept of a device, in bytes.
const (
	maxUserAgent  = 512
	maxDeviceName = 128
)

// Begin starts a session of a kind as part of a change. For a browser session
// it also returns the cookie's value, which is stored only as a hash.
func (m *Manager) Begin(ctx context.Context, c *change.Change, kind storage.SessionKind, auth Authentication, dev Device, clientID string) (storage.Session, string, error) {
	now := m.clock.Now()
	s := storage.Session{
		ID: storage.NewID(), UserID: auth.UserID, Kind: kind, AuthTime: auth.Time, ACR: auth.ACR, AMR: auth.AMR,
		ClientID: clientID, DeviceName: cut(dev.Name, maxDeviceName), UserAgent: cut(dev.UserAgent, maxUserAgent), IPAddress: dev.IPAddress,
		CreatedAt: now, LastActiveAt: now, IdleExpiry: now.Add(m.life.Idle), Expiry: now.Add(m.life.Absolute),
	}
	var cookie string
	if kind == storage.SessionBrowser {
		secret := make([]byte, 32)
		if _, err := io.ReadFull(m.rand, secret); err != nil {
			return storage.Session{}, "", fmt.Errorf("session: begin: %w", err)
		}
		cookie = base64.RawURLEncoding.EncodeToString(secret)
		s.CookieHash = m.hash.Hash(secret)
	}
	if err := m.insert(ctx, c, s); err != nil {
		return storage.Session{}, "", err
	}
	return s, cookie, nil
}

func (m *Manager) insert(ctx context.Context, c *change.Change, s storage.Session) error {
	if err := m.store.InsertSession(ctx, s); err != nil {
		return fmt.Errorf("session: begin: %w", err)
	}
	created := createdEvent(s)
	created.PersonalOf = s.UserID
	created.Personal = map[string]string{"user_agent": s.UserAgent, "ip_address": s.IPAddress}
	if s.DeviceName != "" {
		created.Personal["device_name"] = s.DeviceName
	}
	c.Record(created)
	return nil
}

func createdEvent(s storage.Session) event.Event {
	return event.Event{Type: event.SessionCreated, Subject: s.UserID, Data: map[string]any{
		"session_id": s.ID, "parent_id": s.ParentID, "client_id": s.ClientID,
		"kind": string(s.Kind), "acr": s.ACR, "amr": s.AMR,
	}}
}

// Offline starts the session of an offline_access grant, grown from parent.
// It does not go idle and lives as long as the grant may.
func (m *Manager) Offline(ctx context.Context, c *change.Change, parent storage.Session, clientID string, expiry time.Time) (storage.Session, error) {
	now := m.clock.Now()
	s := parent
	s.ID, s.Kind, s.ParentID, s.CookieHash = storage.NewID(), storage.SessionOffline, parent.ID, nil
	s.ClientID, s.CreatedAt, s.LastActiveAt, s.IdleExpiry, s.Expiry = clientID, now, now, expiry, expiry
	if err := m.store.InsertSession(ctx, s); err != nil {
		return storage.Session{}, fmt.Errorf("session: offline: %w", err)
	}
	c.Record(createdEvent(s))
	return s, nil
}

// FromCookie finds the live session of a cookie's value, or ErrNone.
func (m *Manager) FromCookie(ctx context.Context, cookie string) (storage.Session, error) {
	secret, err := base64.RawURLEncoding.Strict().DecodeString(cookie)
	if err != nil || len(secret) != 32 {
		return storage.Session{}, ErrNone
	}
	for _, h := range m.hash.HashAll(secret) {
		s, err := m.store.SessionByCookie(ctx, h)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			continue
		case err != nil:
			return storage.Session{}, fmt.Errorf("session: from cookie: %w", err)
		case !s.Live(m.clock.Now()):
			return storage.Session{}, ErrNone
		}
		return s, nil
	}
	return storage.Session{}, ErrNone
}

// Touch notes activity, at most every few minutes per session and replica;
// ErrNone when the session has ended.
func (m *Manager) Touch(ctx context.Context, id string) error { return m.touch(ctx, id, m.life.Idle) }

func (m *Manager) touch(ctx context.Context, id string, idle time.Duration) error {
	now := m.clock.Now()
	if last, ok := m.touched.GetIfPresent(id); ok && now.Sub(last) < touchEvery {
		return nil
	}
	err := m.store.TouchSession(ctx, id, now, now.Add(idle))
	if errors.Is(err, storage.ErrNotFound) {
		return ErrNone
	}
	if err != nil {
		return fmt.Errorf("session: touch: %w", err)
	}
	m.touched.Set(id, now)
	return nil
}

// End ends a session, its grants without offline_access, and every access
// token of it, and lets the clients of it know (OpenID Connect Back-Channel
// Logout 1.0). Ending one that is over already does nothing.
func (m *Manager) End(ctx context.Context, s storage.Session, reason string) error {
	return m.change.Do(ctx, "session: end", func(ctx context.Context, c *change.Change) error {
		won, err := m.store.EndSession(ctx, s.ID, reason, c.Now)
		if err != nil || !won {
			return err
		}
		grants, err := m.store.RevokeGrantsOfSession(ctx, s.ID, reason, s.Kind == storage.SessionBrowser, c.Now)
		if err != nil {
			return err
		}
		if err := m.notify(ctx, c.Now, s); err != nil {
			return err
		}
		c.Revoke(storage.RevokeSID, s.ID)
		e := event.Event{Type: event.UserLogout, Subject: s.UserID, Data: map[string]any{
			"session_id": s.ID, "reason": reason, "grants_ended": grants,
		}}
		if reason != ReasonLogout {
			e.Type = event.SessionRevoked
		}
		c.Record(e)
		return nil
	})
}

// notify queues one logout token for each client of the sessions that wants to
// hear of it, with the sid that its ID tokens had: for an offline session that
// of the browser session it grew from.
func (m *Manager) notify(ctx context.Context, now time.Time, sessions ...storage.Session) error {
	type recipient struct{ clientID, sid string }
	told := map[recipient]bool{}
	for _, s := range sessions {
		sid := s.ID
		if s.Kind == storage.SessionOffline && s.ParentID != "" {
			sid = s.ParentID
		}
		ids, err := m.store.ClientsOfSession(ctx, s.ID)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if told[recipient{id, sid}] {
				continue
			}
			told[recipient{id, sid}] = true
			if err := m.queue(ctx, storage.LogoutDelivery{
				ID: storage.NewID(), ClientID: id, SessionID: sid, UserID: s.UserID, DueAt: now, CreatedAt: now,
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *Manager) queue(ctx context.Context, d storage.LogoutDelivery) error {
	uri, err := m.clients.BackchannelLogoutURI(ctx, d.ClientID)
	if err != nil || uri == "" {
		return err
	}
	return m.store.InsertLogoutDelivery(ctx, d)
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 { // not inside a character
		n--
	}
	return s[:n]
}

// Get finds a live session by id, or ErrNone.
func (m *Manager) Get(ctx context.Context, id string) (storage.Session, error) {
	s, err := m.store.SessionByID(ctx, id)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return storage.Session{}, ErrNone
	case err != nil:
		return storage.Session{}, fmt.Errorf("session: get: %w", err)
	case !s.Live(m.clock.Now()):
		return storage.Session{}, ErrNone
	}
	return s, nil
}

// EndAll ends, in the running transaction, every session of a person but
// except, with their grants, and lets the clients know. The caller writes feed
// entries and events: it knows why they end (user.Sessions).
func (m *Manager) EndAll(ctx context.Context, userID, except, reason string, at time.Time) (sessions []string, grants int64, err error) {
	if sessions, err = m.store.EndSessionsOf(ctx, userID, except, reason, at); err != nil {
		return nil, 0, fmt.Errorf("session: end all: %w", err)
	}
	ended := make([]storage.Session, 0, len(sessions))
	for _, id := range sessions {
		s, err := m.store.SessionByID(ctx, id)
		if err != nil {
			return nil, 0, fmt.Errorf("session: end all: %w", err)
		}
		if s.ParentID != "" && s.ParentID == except {
			continue // the login stands; only what would have outlived it ends
		}
		ended = append(ended, s)
	}
	if err := m.notify(ctx, at, ended...); err != nil {
		return nil, 0, fmt.Errorf("session: end all: %w", err)
	}
	if grants, err = m.store.RevokeGrantsOfUser(ctx, userID, except, reason, at); err != nil {
		return nil, 0, fmt.Errorf("session: end all: %w", err)
	}
	return sessions, grants, nil
}
