package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ory/fosite"
	fositestorage "github.com/ory/fosite/storage"
)

// plainStore is fosite's MemoryStore with three things of a database: what is
// read is a copy (its own hands out the one session to all requests, which
// then write to it at once), it can be cut off, and the past can be moved.
type plainStore struct {
	*fositestorage.MemoryStore
	cut   atomic.Bool
	sched schedule
}

// holding is how parallel requests are held back when they look at the code or
// refresh token.
type holding int

const (
	notAtAll     holding = iota
	untilAllRead         // nobody goes on before all have looked
	untilUsed            // one goes on; the others look again when it has written
)

// schedule counts looks: each of parallel requests looks once, and at a code a
// second time right before it is spent.
type schedule struct {
	how                  holding
	looks                atomic.Int32
	first, proof, second sync.WaitGroup
	used                 chan struct{}
	once                 sync.Once
}

func (s *plainStore) hold(how holding) {
	s.sched.how, s.sched.used = how, make(chan struct{})
	s.sched.first.Add(parallel)
	s.sched.proof.Add(parallel)
	s.sched.second.Add(parallel)
}

func (c *schedule) look() {
	if c.how == notAtAll {
		return
	}
	n := c.looks.Add(1)
	switch {
	case n <= parallel:
		c.first.Done()
		c.first.Wait()
	case n <= 2*parallel && c.how == untilAllRead:
		c.second.Done()
		c.second.Wait()
	case n > parallel+1 && c.how == untilUsed:
		<-c.used
	}
}

// proven is after a look at the PKCE challenge, between the two at the code:
// whoever looks first deletes it.
func (c *schedule) proven() {
	if c.how != notAtAll {
		c.proof.Done()
		c.proof.Wait()
	}
}

func (c *schedule) wrote() {
	if c.how == untilUsed {
		c.once.Do(func() { close(c.used) })
	}
}

// InvalidateAuthorizeCodeSession tells who is held back.
func (s *plainStore) InvalidateAuthorizeCodeSession(ctx context.Context, code string) error {
	err := s.MemoryStore.InvalidateAuthorizeCodeSession(ctx, code)
	s.sched.wrote()
	return err
}

func newPlainStore() *plainStore { return &plainStore{MemoryStore: fositestorage.NewMemoryStore()} }

var errCut = errors.New("connection refused")

func (s *plainStore) read(r fosite.Requester, err error) (fosite.Requester, error) {
	if s.cut.Load() {
		return nil, errCut
	}
	if r == nil {
		return nil, err
	}
	return &fosite.Request{
		ID: r.GetID(), RequestedAt: r.GetRequestedAt(), Client: r.GetClient(), Session: r.GetSession().Clone(), Form: copyForm(r.GetRequestForm()),
		RequestedScope: r.GetRequestedScopes(), GrantedScope: r.GetGrantedScopes(),
		RequestedAudience: r.GetRequestedAudience(), GrantedAudience: r.GetGrantedAudience(),
	}, err
}

// looked reads when the schedule lets it.
func (s *plainStore) looked(read func() (fosite.Requester, error)) (fosite.Requester, error) {
	if s.sched.how == untilUsed {
		s.sched.look()
		return s.read(read())
	}
	r, err := s.read(read())
	s.sched.look()
	return r, err
}

func copyForm(form url.Values) url.Values {
	out := make(url.Values, len(form))
	for k, v := range form {
		out[k] = append([]string(nil), v...)
	}
	return out
}

func (s *plainStore) GetAuthorizeCodeSession(ctx context.Context, code string, session fosite.Session) (fosite.Requester, error) {
	return s.looked(func() (fosite.Requester, error) { return s.MemoryStore.GetAuthorizeCodeSession(ctx, code, session) })
}

func (s *plainStore) GetPKCERequestSession(ctx context.Context, code string, session fosite.Session) (fosite.Requester, error) {
	r, err := s.read(s.MemoryStore.GetPKCERequestSession(ctx, code, session))
	s.sched.proven()
	return r, err
}

func (s *plainStore) GetOpenIDConnectSession(ctx context.Context, code string, r fosite.Requester) (fosite.Requester, error) {
	return s.read(s.MemoryStore.GetOpenIDConnectSession(ctx, code, r))
}

func (s *plainStore) GetRefreshTokenSession(ctx context.Context, signature string, session fosite.Session) (fosite.Requester, error) {
	return s.looked(func() (fosite.Requester, error) {
		return s.MemoryStore.GetRefreshTokenSession(ctx, signature, session)
	})
}

func (s *plainStore) GetAccessTokenSession(ctx context.Context, signature string, session fosite.Session) (fosite.Requester, error) {
	return s.read(s.MemoryStore.GetAccessTokenSession(ctx, signature, session))
}

// age moves everything that is stored into the past.
func (s *plainStore) age(d time.Duration) {
	seen := map[fosite.Session]bool{}
	move := func(r fosite.Requester) {
		session, ok := r.GetSession().(*plainSession)
		if !ok || seen[session] {
			return
		}
		seen[session] = true
		for kind, at := range session.ExpiresAt {
			session.ExpiresAt[kind] = at.Add(-d)
		}
		claims := session.jwt.JWTClaims
		for _, at := range []*time.Time{&claims.IssuedAt, &claims.ExpiresAt, &claims.NotBefore, &session.Claims.AuthTime, &session.Claims.RequestedAt} {
			if !at.IsZero() {
				*at = at.Add(-d)
			}
		}
	}
	for _, r := range s.AuthorizeCodes {
		move(r)
	}
	for _, r := range s.RefreshTokens {
		move(r)
	}
	for _, r := range s.AccessTokens {
		move(r)
	}
	for _, r := range s.IDSessions {
		move(r)
	}
	for _, r := range s.PARSessions {
		move(r)
	}
}

// text is what a database would hold: keys and sessions.
func (s *plainStore) text() string {
	var b strings.Builder
	write := func(key string, r fosite.Requester) { fmt.Fprintln(&b, key, r.GetRequestForm()) }
	for k, r := range s.AuthorizeCodes {
		write(k, r)
	}
	for k, r := range s.RefreshTokens {
		write(k, r)
	}
	for k, r := range s.IDSessions {
		write(k, r)
	}
	for k, r := range s.PKCES {
		write(k, r)
	}
	return b.String()
}
