package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// Store is what reports are made from.
type Store interface {
	storage.Reports
	UserByID(ctx context.Context, id string) (storage.User, error)
	MembershipsOf(ctx context.Context, userID, after string, limit int) ([]storage.Membership, error)
	RoleAssignments(ctx context.Context, userID, organizationID string) ([]storage.RoleAssignment, error)
	SessionsOf(ctx context.Context, userID string, limit int) ([]storage.Session, error)
	DevicesOf(ctx context.Context, userID string, limit int) ([]storage.Device, error)
	ConsentsOf(ctx context.Context, userID string) ([]storage.Consent, error)
	FactorsOf(ctx context.Context, userID string) ([]storage.Factor, error)
	CountBackupCodes(ctx context.Context, userID string) (int, error)
	QueryEvents(ctx context.Context, q storage.EventQuery) ([]storage.Event, error)
}

// Opener opens what is personal in an event (*event.Recorder).
type Opener interface {
	Open(ctx context.Context, e storage.Event) (map[string]string, error)
	// Readable says whether a person's key stands.
	Readable(ctx context.Context, userID string) (bool, error)
}

// Service makes reports. It is safe for concurrent use.
type Service struct {
	Store   Store
	Opener  Opener
	Changes change.Runner
	Clock   clock.Clock
}

// Bounds of a report.
const (
	maxRows   = 100_000 // of an access review
	maxEvents = 10_000  // of one person, the newest
	maxList   = 500     // sessions, devices, memberships of one person
	pageSize  = 500
	// usual is how long back evidence goes that names no time.
	usual = 365 * 24 * time.Hour
)

// Access lists who has which role, since when, given by whom, and when they
// last signed in; of an organization, if it is not empty. fault.Invalid when it
// has more than 100,000 rows: then ask organization by organization.
func (s *Service) Access(ctx context.Context, organization string) (Report, error) {
	table := Section{
		ID: "roles", Title: "Who has which role",
		Text: "Every role that a person holds now. A role without an organization is one of the whole system. Last login is of the account, wherever it was.",
		Columns: []string{
			"user_id", "email", "status", "organization_id", "role", "assigned_at", "assigned_by", "last_login_at", "second_factors",
		},
		Rows: [][]any{},
	}
	var after storage.RoleAssignment
	for {
		list, err := s.Store.HeldRoles(ctx, organization, after, pageSize)
		if err != nil {
			return Report{}, fmt.Errorf("report: access: %w", err)
		}
		for _, r := range list {
			table.Rows = append(table.Rows, []any{
				r.UserID, r.Email, string(r.Status), nothing(r.OrganizationID), r.Role, r.AssignedAt, nothing(r.AssignedBy), r.LastLoginAt, r.Factors,
			})
			after = r.RoleAssignment
		}
		if len(table.Rows) > maxRows {
			return Report{}, fault.Field("query.organization_id", "there are more than 100,000 roles: ask organization by organization")
		}
		if len(list) < pageSize {
			break
		}
	}
	return Report{
		Name: "access-review", Title: "Access review", Organization: organization, GeneratedAt: s.Clock.Now(), Sections: []Section{table},
	}, nil
}

// nothing is an empty text as no value.
func nothing(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Evidence counts what the record shows for the controls of a framework, from
// from until before to; without them, the last year. fault.NotFound for an
// unknown framework.
func (s *Service) Evidence(ctx context.Context, framework, organization string, from, to time.Time) (Report, error) {
	controls := Controls(framework)
	if controls == nil {
		return Report{}, fault.New(fault.NotFound, "there is no such report")
	}
	if to.IsZero() {
		to = s.Clock.Now()
	}
	if from.IsZero() {
		from = to.Add(-usual)
	}
	if !from.Before(to) {
		return Report{}, fault.Field("query.from", "from is before to")
	}
	counts, err := s.Store.CountEventTypes(ctx, organization, from, to)
	if err != nil {
		return Report{}, fmt.Errorf("report: %s: %w", framework, err)
	}
	of := make(map[string]int64, len(counts))
	for _, c := range counts {
		of[c.Type] = c.Count
	}
	r := Report{
		Name: framework, Title: titles()[framework], Organization: organization, From: from, To: to, GeneratedAt: s.Clock.Now(),
	}
	for _, c := range controls {
		section := Section{ID: c.ID, Title: c.ID + " " + c.Title, Columns: []string{"evidence", "events", "event_types"}}
		for _, e := range c.Shown {
			var n int64
			types := make([]string, len(e.Types))
			for i, t := range e.Types {
				n += of[string(t)]
				types[i] = string(t)
			}
			section.Rows = append(section.Rows, []any{e.Name, n, strings.Join(types, " ")})
		}
		r.Sections = append(r.Sections, section)
	}
	return r, nil
}

func titles() map[string]string {
	return map[string]string{SOC2: "SOC 2: evidence from the record", HIPAA: "HIPAA Security Rule: evidence from the record"}
}

// Person gathers all that is known of one person, secrets left out, and records
// that it was handed out. source says to whom: self, admin or operator.
func (s *Service) Person(ctx context.Context, userID, source string) (Report, error) {
	u, err := s.Store.UserByID(ctx, userID)
	if errors.Is(err, storage.ErrNotFound) || err == nil && u.Status == storage.UserDeleted && u.EraseAt.IsZero() {
		return Report{}, fault.New(fault.UserNotFound, "there is no such user")
	}
	if err != nil {
		return Report{}, fmt.Errorf("report: person: %w", err)
	}
	r := Report{Name: "person", Title: "Everything known of a person", User: userID, GeneratedAt: s.Clock.Now()}
	for _, part := range []func(context.Context, storage.User) (Section, error){
		s.account, s.memberships, s.roles, s.factors, s.sessions, s.devices, s.consents, s.events,
	} {
		section, err := part(ctx, u)
		if err != nil {
			return Report{}, fmt.Errorf("report: person: %w", err)
		}
		r.Sections = append(r.Sections, section)
	}
	return r, s.Changes.Do(ctx, "report: person", func(_ context.Context, c *change.Change) error {
		c.Record(event.Event{Type: event.UserExported, Subject: userID, Data: map[string]any{"source": source}})
		return nil
	})
}

func (s *Service) account(_ context.Context, u storage.User) (Section, error) {
	t := Section{ID: "account", Title: "Account", Columns: []string{"field", "value"}, Rows: [][]any{
		{"id", u.ID},
		{"email", u.Email},
		{"email_verified", u.EmailVerified},
		{"status", string(u.Status)},
		{"has_password", u.PasswordHash != ""},
		{"password_changed_at", u.PasswordChangedAt},
		{"last_login_at", u.LastLoginAt},
		{"created_at", u.CreatedAt},
		{"updated_at", u.UpdatedAt},
	}}
	for _, name := range slices.Sorted(maps.Keys(u.Profile)) {
		value, ok := u.Profile[name].(string)
		if !ok {
			raw, err := json.Marshal(u.Profile[name])
			if err != nil {
				return t, err
			}
			value = string(raw)
		}
		t.Rows = append(t.Rows, []any{"profile." + name, value})
	}
	return t, nil
}

func (s *Service) memberships(ctx context.Context, u storage.User) (Section, error) {
	t := Section{ID: "memberships", Title: "Memberships", Columns: []string{"organization_id", "name", "roles", "joined_at"}}
	list, err := s.Store.MembershipsOf(ctx, u.ID, "", maxList)
	for _, m := range list {
		t.Rows = append(t.Rows, []any{m.OrganizationID, m.Name, strings.Join(m.Roles, " "), m.JoinedAt})
	}
	return t, err
}

func (s *Service) roles(ctx context.Context, u storage.User) (Section, error) {
	t := Section{ID: "system_roles", Title: "Roles in the whole system", Columns: []string{"role", "assigned_at", "assigned_by"}}
	list, err := s.Store.RoleAssignments(ctx, u.ID, "")
	for _, a := range list {
		if a.OrganizationID == "" {
			t.Rows = append(t.Rows, []any{a.Role, a.AssignedAt, nothing(a.AssignedBy)})
		}
	}
	return t, err
}

func (s *Service) factors(ctx context.Context, u storage.User) (Section, error) {
	t := Section{
		ID: "second_factors", Title: "Second factors", Text: "Secrets and keys are left out.",
		Columns: []string{"id", "type", "name", "created_at", "verified_at", "last_used_at"},
	}
	list, err := s.Store.FactorsOf(ctx, u.ID)
	if err != nil {
		return t, err
	}
	for _, f := range list {
		t.Rows = append(t.Rows, []any{f.ID, f.Type, f.Name, f.CreatedAt, f.VerifiedAt, f.LastUsedAt})
	}
	codes, err := s.Store.CountBackupCodes(ctx, u.ID)
	if codes > 0 {
		t.Text += fmt.Sprintf(" There are %d unused backup codes.", codes)
	}
	return t, err
}

func (s *Service) sessions(ctx context.Context, u storage.User) (Section, error) {
	t := Section{
		ID: "sessions", Title: "Sessions", Text: "The newest 500.",
		Columns: []string{"id", "kind", "client_id", "device_name", "user_agent", "ip_address", "created_at", "last_active_at", "ended_at", "end_reason"},
	}
	list, err := s.Store.SessionsOf(ctx, u.ID, maxList)
	for _, x := range list {
		t.Rows = append(t.Rows, []any{
			x.ID, string(x.Kind), nothing(x.ClientID), x.DeviceName, x.UserAgent, x.IPAddress, x.CreatedAt, x.LastActiveAt, x.EndedAt, nothing(x.EndReason),
		})
	}
	return t, err
}

func (s *Service) devices(ctx context.Context, u storage.User) (Section, error) {
	t := Section{
		ID: "devices", Title: "Devices", Text: "The 500 seen last.",
		Columns: []string{"id", "name", "user_agent", "ip_address", "created_at", "last_seen_at", "trusted_until"},
	}
	list, err := s.Store.DevicesOf(ctx, u.ID, maxList)
	for _, d := range list {
		t.Rows = append(t.Rows, []any{d.ID, d.Name, d.UserAgent, d.IPAddress, d.CreatedAt, d.LastSeenAt, d.TrustedUntil})
	}
	return t, err
}

func (s *Service) consents(ctx context.Context, u storage.User) (Section, error) {
	t := Section{ID: "consents", Title: "Consents", Columns: []string{"client_id", "scope", "created_at", "updated_at"}}
	list, err := s.Store.ConsentsOf(ctx, u.ID)
	for _, c := range list {
		t.Rows = append(t.Rows, []any{c.ClientID, strings.Join(c.Scope, " "), c.CreatedAt, c.UpdatedAt})
	}
	return t, err
}

func (s *Service) events(ctx context.Context, u storage.User) (Section, error) {
	t := Section{
		ID: "events", Title: "What happened", Text: "Events about the person, the newest 10,000.",
		Columns: []string{"id", "type", "time", "actor", "organization_id", "data", "personal"},
	}
	q := storage.EventQuery{Subject: u.ID, Limit: pageSize}
	for len(t.Rows) < maxEvents {
		list, err := s.Store.QueryEvents(ctx, q)
		if err != nil {
			return t, err
		}
		for _, e := range list {
			personal, err := s.personal(ctx, u.ID, e)
			if err != nil {
				return t, err
			}
			t.Rows = append(t.Rows, []any{e.ID, e.Type, e.Time, nothing(e.Actor), nothing(e.Organization), string(e.Data), personal})
			q.Before = e.Seq
		}
		if len(list) < pageSize {
			break
		}
	}
	return t, nil
}

// personal is what is sealed in an event as JSON; of what is somebody else's,
// nothing.
func (s *Service) personal(ctx context.Context, userID string, e storage.Event) (any, error) {
	if e.PersonalOf != userID {
		return nil, nil //nolint:nilnil // nothing is a value of a cell
	}
	open, err := s.Opener.Open(ctx, e)
	if errors.Is(err, event.ErrErased) || errors.Is(err, event.ErrSealed) {
		return "(sealed, and cannot be opened)", nil
	}
	if err != nil || len(open) == 0 {
		return nil, err
	}
	raw, err := json.Marshal(open)
	return string(raw), err
}

// Erasure shows what is left of a person who was erased, checked now. It is
// about anybody there ever was; fault.UserNotFound for an id that never was one.
func (s *Service) Erasure(ctx context.Context, userID string) (Report, error) {
	u, err := s.Store.UserByID(ctx, userID)
	if errors.Is(err, storage.ErrNotFound) {
		return Report{}, fault.New(fault.UserNotFound, "there is no such user")
	}
	if err != nil {
		return Report{}, fmt.Errorf("report: erasure: %w", err)
	}
	checks, err := s.checks(ctx, u)
	if err != nil {
		return Report{}, fmt.Errorf("report: erasure: %w", err)
	}
	trail := Section{
		ID: "record", Title: "Deletion and erasure in the record", Text: "seq and hash locate each event in the chain, which signet audit verify checks.",
		Columns: []string{"id", "type", "time", "seq", "hash"},
	}
	list, err := s.Store.QueryEvents(ctx, storage.EventQuery{
		Subject: userID, Types: []string{string(event.UserDeleted), string(event.UserErased)}, Limit: pageSize,
	})
	if err != nil {
		return Report{}, fmt.Errorf("report: erasure: %w", err)
	}
	for _, e := range list {
		trail.Rows = append(trail.Rows, []any{e.ID, e.Type, e.Time, e.Seq, fmt.Sprintf("%x", e.Hash)})
	}
	return Report{
		Name: "erasure", Title: "Proof of erasure", User: userID, GeneratedAt: s.Clock.Now(), Sections: []Section{checks, trail},
	}, nil
}

// checks looks at every place that says something of a person.
func (s *Service) checks(ctx context.Context, u storage.User) (Section, error) {
	t := Section{
		ID: "checks", Title: "What is left", Text: "Each place where something of a person is kept, looked at when this was made.",
		Columns: []string{"place", "erased", "found"},
	}
	add := func(place string, found int64) { t.Rows = append(t.Rows, []any{place, found == 0, found}) }
	add("name, address, telephone number and other fields of the account", int64(len(u.Profile))+one(u.Email != "")+one(u.PasswordHash != ""))
	key, err := s.Opener.Readable(ctx, u.ID)
	if err != nil {
		return t, err
	}
	add("the key that opens what is personal in the record", one(key))
	sessions, err := s.Store.SessionsOf(ctx, u.ID, maxList)
	if err != nil {
		return t, err
	}
	var traces int64
	for _, x := range sessions {
		traces += one(x.DeviceName != "" || x.UserAgent != "" || x.IPAddress != "")
	}
	add("addresses and devices in sessions", traces)
	devices, err := s.Store.DevicesOf(ctx, u.ID, maxList)
	if err != nil {
		return t, err
	}
	add("devices", int64(len(devices)))
	consents, err := s.Store.ConsentsOf(ctx, u.ID)
	if err != nil {
		return t, err
	}
	add("consents", int64(len(consents)))
	factors, err := s.Store.FactorsOf(ctx, u.ID)
	if err != nil {
		return t, err
	}
	add("second factors", int64(len(factors)))
	members, err := s.Store.MembershipsOf(ctx, u.ID, "", maxList)
	if err != nil {
		return t, err
	}
	add("memberships", int64(len(members)))
	readable, err := s.readable(ctx, u.ID)
	add("events with something personal that can still be read", readable)
	return t, err
}

func one(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

// readable counts, among the newest events about a person, those whose personal
// part opens.
func (s *Service) readable(ctx context.Context, userID string) (n int64, err error) {
	q := storage.EventQuery{Subject: userID, Limit: pageSize}
	for range maxEvents / pageSize {
		list, err := s.Store.QueryEvents(ctx, q)
		if err != nil {
			return 0, err
		}
		for _, e := range list {
			q.Before = e.Seq
			open, err := s.Opener.Open(ctx, e)
			switch {
			case err == nil:
				n += one(len(open) > 0)
			case !errors.Is(err, event.ErrErased) && !errors.Is(err, event.ErrSealed):
				return 0, err
			}
		}
		if len(list) < pageSize {
			break
		}
	}
	return n, nil
}
