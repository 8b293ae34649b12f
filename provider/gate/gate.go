// Package gate knows the named rules by which /auth/validate judges tokens for
// gateways: Book answers from memory, Service changes what it answers, and
// Judge says whether a good token passes.
package gate

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/token"
	"github.com/signet-idp/signet/storage"
)

// Default is the gate that is always there: a good token is enough.
const Default = "default"

// StyleAuthRequest is for gateways that know 200, 401 and 403 only.
const StyleAuthRequest = "auth-request"

// FailOpen is for gates that let in who has a good token while nobody can say
// whether it was revoked: this replica has been cut off from the database for
// longer than SIGNET_REVOCATION_MAX_STALE. What it knows to be revoked stays so.
const FailOpen = "open-on-valid-signature"

// Why a good token does not pass.
var (
	// ErrInsufficient means that it lacks a scope, a role, the audience or the
	// organization.
	ErrInsufficient = errors.New("gate: insufficient")
	// ErrStepUp means that its login was too weak or too long ago (RFC 9470).
	ErrStepUp = errors.New("gate: insufficient user authentication")
)

// Judge says whether a good token passes. The audience is a question to tokens
// that somebody brings; the token of a gate's own cookie is for this gate.
func Judge(g *storage.Gate, t *token.Verified, now time.Time) error {
	switch {
	case g.Audience != "" && t.Gate == "" && !t.HasAudience(g.Audience),
		g.OrganizationID != "" && t.OrgID != g.OrganizationID,
		slices.ContainsFunc(g.Scopes, func(s string) bool { return !t.HasScope(s) }),
		len(g.Roles) > 0 && !slices.ContainsFunc(g.Roles, func(r string) bool { return slices.Contains(t.Roles, r) }):
		return ErrInsufficient
	case g.ACR != "" && !reaches(t.ACR, g.ACR),
		g.MaxAge > 0 && now.Sub(t.AuthTime) > g.MaxAge+token.Skew:
		return ErrStepUp
	}
	return nil
}

func levels() []string { return []string{"aal1", "aal2", "aal3"} }

func reaches(have, want string) bool {
	return slices.Index(levels(), have) >= slices.Index(levels(), want)
}

// Store is what gates are kept in.
type Store interface {
	storage.Gates
	OrganizationByID(ctx context.Context, id string) (storage.Organization, error)
	RevokeGrantsOfClient(ctx context.Context, clientID, reason string, at time.Time) (int64, error)
}

// Service changes gates.
type Service struct {
	Store  Store
	Change change.Runner
}

// most bounds the gates of an installation, all of which are in memory.
const most = 500

var (
	name     = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	roleName = regexp.MustCompile(`^(system:)?[a-z][a-z0-9_-]{0,62}$`)
)

// Normalize checks a gate; fault.Invalid names what is wrong.
func Normalize(g storage.Gate) (storage.Gate, error) {
	var fields []fault.FieldError
	wrong := func(field, text string) { fields = append(fields, fault.FieldError{Field: field, Message: text}) }
	if !name.MatchString(g.Name) || g.Name == Default || g.Name == extAuthz {
		wrong("name", "a gate's name is a-z, then a-z 0-9 _ -, at most 63 characters, and neither default nor ext-authz")
	}
	if g.Audience != "" && !client.ValidResource(g.Audience) && !client.ValidID(g.Audience) {
		wrong("audience", "an audience is the identifier of a resource, or a client_id")
	}
	if len(g.Scopes) > 50 || slices.ContainsFunc(g.Scopes, func(s string) bool { return !client.ValidScope(s) }) {
		wrong("scopes", "at most 50 scopes (RFC 6749 §3.3)")
	}
	if len(g.Roles) > 50 || slices.ContainsFunc(g.Roles, func(r string) bool { return !roleName.MatchString(r) }) {
		wrong("roles", "at most 50 roles: bare names of the organization's, system:NAME")
	}
	if g.ACR != "" && !slices.Contains(levels(), g.ACR) {
		wrong("acr", "aal1, aal2 or aal3")
	}
	if g.MaxAge < 0 || g.MaxAge > 365*24*time.Hour || g.MaxAge%time.Second != 0 {
		wrong("max_age", "seconds, at most a year")
	}
	if g.Style != "" && g.Style != StyleAuthRequest {
		wrong("style", "auth-request, or nothing")
	}
	if g.Fail != "" && g.Fail != FailOpen {
		wrong("fail", "open-on-valid-signature, or nothing")
	}
	if g.Browser != nil {
		g.Browser = normalizeBrowser(g.Browser, wrong)
	}
	if len(fields) > 0 {
		return g, &fault.Error{Code: fault.Invalid, Message: "the gate is not valid", Fields: fields}
	}
	return g, nil
}

// extAuthz is a path beside the gates.
const extAuthz = "ext-authz"

// Put makes a gate or replaces it. The same again changes nothing.
func (s *Service) Put(ctx context.Context, g storage.Gate) (storage.Gate, error) {
	g, err := Normalize(g)
	if err != nil {
		return g, fmt.Errorf("gate: put: %w", err)
	}
	var out storage.Gate
	err = s.Change.Do(ctx, "gate: put", func(ctx context.Context, ch *change.Change) error {
		out = g
		e := event.Event{Type: event.PolicyChanged, Subject: "gate:" + g.Name, Organization: g.OrganizationID}
		old, err := s.Store.GateByName(ctx, g.Name)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			if all, err := s.Store.ListGates(ctx, "", most); err != nil || len(all) >= most {
				return errors.Join(err, fault.New(fault.Conflict, fmt.Sprintf("there are %d gates already", len(all))))
			}
			out.Version, out.CreatedAt = 1, ch.Now
			e.Data = map[string]any{"policy": "gate", "change": "created", "version": int64(1)}
		case err != nil:
			return err
		default:
			fields := Changed(old, g)
			if len(fields) == 0 {
				out = old
				return nil
			}
			out.Version, out.CreatedAt = old.Version+1, old.CreatedAt
			e.Data = map[string]any{"policy": "gate", "change": "updated", "fields": change.List(fields), "version": out.Version}
		}
		out.UpdatedAt = ch.Now
		if err := s.freeHosts(ctx, out); err != nil {
			return err
		}
		if err := s.Store.PutGate(ctx, out); err != nil {
			return err
		}
		if old.Browser != nil && out.Browser == nil {
			if err := s.endParty(ctx, ch, g.Name); err != nil {
				return err
			}
		}
		ch.Record(e)
		return nil
	})
	return out, err
}

// Delete removes a gate; fault.NotFound when there is none.
func (s *Service) Delete(ctx context.Context, name string) error {
	return s.Change.Do(ctx, "gate: delete", func(ctx context.Context, ch *change.Change) error {
		g, err := s.Store.GateByName(ctx, name)
		if errors.Is(err, storage.ErrNotFound) {
			return fault.New(fault.NotFound, "there is no such gate")
		}
		if err != nil {
			return err
		}
		if err := s.Store.DeleteGate(ctx, name); err != nil {
			return err
		}
		if g.Browser != nil {
			if err := s.endParty(ctx, ch, name); err != nil {
				return err
			}
		}
		ch.Record(event.Event{
			Type: event.PolicyChanged, Subject: "gate:" + name, Organization: g.OrganizationID,
			Data: map[string]any{"policy": "gate", "change": "deleted"},
		})
		return nil
	})
}

// Changed lists the members of a gate that differ, by their names in a
// configuration file.
func Changed(old, g storage.Gate) []string {
	var fields []string
	note := func(name string, differs bool) {
		if differs {
			fields = append(fields, name)
		}
	}
	note("audience", old.Audience != g.Audience)
	note("scopes", !slices.Equal(old.Scopes, g.Scopes))
	note("roles", !slices.Equal(old.Roles, g.Roles))
	note("organization", old.OrganizationID != g.OrganizationID)
	note("acr", old.ACR != g.ACR)
	note("max_age", old.MaxAge != g.MaxAge)
	note("style", old.Style != g.Style)
	note("fail", old.Fail != g.Fail)
	note("browser", !reflect.DeepEqual(old.Browser, g.Browser))
	return fields
}

// Book holds all gates in memory. It is safe for concurrent use.
type Book struct {
	store   storage.Gates
	version atomic.Int64
	pages   atomic.Pointer[pages]
	loading sync.Mutex
}

type pages struct {
	version int64
	gates   map[string]*storage.Gate
	hosts   map[string]*storage.Gate // those for browsers
}

// NewBook makes a Book that has read nothing yet.
func NewBook(store storage.Gates) *Book { return &Book{store: store} }

// Configure tells the configuration version that the replica has seen.
func (b *Book) Configure(version int64) {
	for {
		old := b.version.Load()
		if version <= old || b.version.CompareAndSwap(old, version) {
			return
		}
	}
}

// Get returns a gate, which must not be changed. Errors: fault.NotFound, and
// fault.Unavailable when the gates changed and cannot be read.
func (b *Book) Get(ctx context.Context, name string) (*storage.Gate, error) {
	if name == Default {
		return &storage.Gate{Name: Default}, nil
	}
	p, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	if g := p.gates[name]; g != nil {
		return g, nil
	}
	return nil, fault.New(fault.NotFound, "there is no such gate")
}

// ByHost returns the gate for browsers that protects a host. Errors as Get.
func (b *Book) ByHost(ctx context.Context, host string) (*storage.Gate, error) {
	p, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	if g := p.hosts[host]; g != nil {
		return g, nil
	}
	return nil, fault.New(fault.NotFound, "no gate protects this host")
}

// open returns what memory holds, read anew if the gates changed.
func (b *Book) open(ctx context.Context) (*pages, error) {
	p := b.pages.Load()
	if want := b.version.Load(); p == nil || p.version < want {
		var err error
		if p, err = b.load(ctx, want); err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, "the gate is not known now")
		}
	}
	return p, nil
}

func (b *Book) load(ctx context.Context, want int64) (*pages, error) {
	b.loading.Lock()
	defer b.loading.Unlock()
	if p := b.pages.Load(); p != nil && p.version >= want {
		return p, nil
	}
	// What is read is at least as new as want.
	p := &pages{version: want, gates: map[string]*storage.Gate{}, hosts: map[string]*storage.Gate{}}
	for after := ""; ; {
		list, err := b.store.ListGates(ctx, after, most)
		if err != nil {
			return nil, fmt.Errorf("gate: load: %w", err)
		}
		for _, g := range list {
			after = g.Name
			p.gates[g.Name] = &g
			for _, host := range hostsOf(&g) {
				p.hosts[host] = &g
			}
		}
		if len(list) < most || len(p.gates) > 2*most {
			break
		}
	}
	b.pages.Store(p)
	return p, nil
}
