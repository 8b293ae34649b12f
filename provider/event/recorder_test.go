package event_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.opentelemetry.io/otel/propagation"

	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

func TestRecord(t *testing.T) {
	onEngines(t, func(t *testing.T, replicas []*sqlstore.Store) {
		clk := newClock()
		r := recorders(t, replicas, clk)[0]
		ctx := event.WithActor(t.Context(), event.Actor{ID: "admin-1", Kind: event.ActorUser})
		ctx = event.WithRequest(ctx, "req-1")
		const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": parent})
		err := r.Record(ctx,
			event.Event{
				Type: event.OrganizationRoleChanged, Subject: "org-1", Organization: "org-1",
				Data: map[string]any{"user_id": "user-1", "roles_added": []string{"billing"}, "roles_removed": []string{}},
			},
			event.Event{Type: event.UserLoginFailed, Data: map[string]any{"reason": "unknown", "count": 3, "from": int64(1772366400)}},
		)
		if err != nil {
			t.Fatal(err)
		}
		got := waiting(t, replicas[0])
		want := []storage.Event{
			{
				Type: "organization.role_changed", Time: clk.Now(), Actor: "admin-1", ActorKind: "user", Subject: "org-1",
				Organization: "org-1", Request: "req-1", TraceParent: parent, Data: []byte(`{"roles_added":["billing"],"roles_removed":[],"user_id":"user-1"}`),
			},
			{
				Type: "user.login_failed", Time: clk.Now(), Actor: "admin-1", ActorKind: "user", Request: "req-1", TraceParent: parent,
				Data: []byte(`{"count":3,"from":1772366400,"reason":"unknown"}`),
			},
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(storage.Event{}, "ID", "Number")); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
		if got[0].ID == got[1].ID || len(got[0].ID) != 36 {
			t.Errorf("ids %q and %q", got[0].ID, got[1].ID)
		}
	})
}

func TestWithoutActorItIsTheSystem(t *testing.T) {
	t.Parallel()
	if got := event.ActorFrom(t.Context()); got != event.System() {
		t.Errorf("ActorFrom = %+v", got)
	}
	if got := event.ActorFrom(event.WithActor(t.Context(), event.Actor{Kind: event.ActorUser})); got != event.System() {
		t.Errorf("ActorFrom = %+v for an actor without id", got)
	}
	if got := event.RequestFrom(t.Context()); got != "" {
		t.Errorf("RequestFrom = %q", got)
	}
}

// What is recorded commits with the change, or not at all.
func TestRecordIsPartOfTheTransaction(t *testing.T) {
	onEngines(t, func(t *testing.T, replicas []*sqlstore.Store) {
		store := replicas[0]
		r := recorders(t, replicas, newClock())[0]
		organization := storage.Organization{ID: storage.NewID(), Slug: "acme", Name: "Acme", Status: storage.OrganizationActive}
		created := event.Event{Type: event.OrganizationCreated, Subject: organization.ID, Organization: organization.ID}
		refused := errors.New("refused")
		for _, outcome := range []error{refused, nil} {
			err := store.InTx(t.Context(), func(ctx context.Context) error {
				if err := store.InsertOrganization(ctx, organization); err != nil {
					return err
				}
				if err := r.Record(ctx, created); err != nil {
					return err
				}
				return outcome
			})
			if !errors.Is(err, outcome) {
				t.Fatalf("InTx = %v, want %v", err, outcome)
			}
			_, found := store.OrganizationByID(t.Context(), organization.ID)
			if events := waiting(t, store); (outcome == nil) != (found == nil) || (outcome == nil) != (len(events) == 1) {
				t.Errorf("outcome %v: organization %v, %d events", outcome, found, len(events))
			}
		}
		// The reverse: an event that is refused takes the change with it.
		other := organization
		other.ID, other.Slug = storage.NewID(), "other"
		err := store.InTx(t.Context(), func(ctx context.Context) error {
			if err := store.InsertOrganization(ctx, other); err != nil {
				return err
			}
			return r.Record(ctx, event.Event{Type: "organization.invented", Subject: other.ID})
		})
		if !errors.Is(err, event.ErrUndeclared) {
			t.Errorf("InTx = %v, want ErrUndeclared", err)
		}
		if _, err := store.OrganizationByID(t.Context(), other.ID); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("OrganizationByID = %v, want ErrNotFound", err)
		}
	})
}

func TestRecordRefuses(t *testing.T) {
	t.Parallel()
	login := func(edit func(*event.Event)) event.Event {
		e := event.Event{Type: event.UserLogin, Subject: "user-1", Data: map[string]any{}}
		edit(&e)
		return e
	}
	member := func(name string, value any) event.Event {
		return login(func(e *event.Event) { e.Data[name] = value })
	}
	many := make([]string, event.MaxListItems+1)
	for i := range many {
		many[i] = "x"
	}
	large := make([]string, event.MaxListItems)
	for i := range large {
		large[i] = strings.Repeat("x", event.MaxListItem)
	}
	tests := []struct {
		name  string
		event event.Event
		ok    bool
	}{
		{name: "plain", event: login(func(*event.Event) {}), ok: true},
		{name: "unknown type", event: login(func(e *event.Event) { e.Type = "user.invented" })},
		{name: "no subject", event: login(func(e *event.Event) { e.Subject = "" })},
		{name: "subject is an address", event: login(func(e *event.Event) { e.Subject = "alice@acme.test" })},
		{name: "subject too long", event: login(func(e *event.Event) { e.Subject = strings.Repeat("x", event.MaxID+1) })},
		{name: "resource may be a long URI", event: event.Event{Type: event.ResourceCreated, Subject: "https://a@api.test/" + strings.Repeat("x", 2000)}, ok: true},
		{name: "organization with a line break", event: login(func(e *event.Event) { e.Organization = "org\n1" })},
		{name: "undeclared member", event: member("email", "alice")},
		{name: "secret member", event: member("password", "x")},
		{name: "id", event: member("client_id", "web"), ok: true},
		{name: "empty id", event: member("client_id", ""), ok: true},
		{name: "address as id", event: member("client_id", "alice@acme.test")},
		{name: "text as id", event: member("client_id", "Alice Example")},
		{name: "id not ASCII", event: member("client_id", "weiß")},
		{name: "number as id", event: member("client_id", 1)},
		{name: "enumeration", event: member("method", "passkey"), ok: true},
		{name: "enumeration in capitals", event: member("method", "Passkey")},
		{name: "enumeration with a space", event: member("method", "a b")},
		{name: "enumeration too long", event: member("method", strings.Repeat("x", event.MaxEnum+1))},
		{name: "list", event: member("amr", []string{"pwd", "otp"}), ok: true},
		{name: "list with an empty item", event: member("amr", []string{""})},
		{name: "list with a quote", event: member("amr", []string{`a"b`})},
		{name: "list with a backslash", event: member("amr", []string{`a\b`})},
		{name: "list with text", event: member("amr", []string{"a b"})},
		{name: "list of scopes that are URIs", event: member("amr", []string{"https://api.acme.test/orders.read@v1"}), ok: true},
		{name: "list with an item too long", event: member("amr", []string{strings.Repeat("x", event.MaxListItem+1)})},
		{name: "list too long", event: member("amr", many)},
		{name: "list at its bounds", event: member("amr", large), ok: true},
		{name: "string as list", event: member("amr", "pwd")},
		{name: "flag", event: member("remember", true), ok: true},
		{name: "string as flag", event: member("remember", "true")},
		{name: "nil", event: member("remember", nil)},
		{name: "float as count", event: event.Event{Type: event.MFABackupCodesRegenerated, Subject: "u", Data: map[string]any{"count": 1.5}}},
		{name: "negative count", event: event.Event{Type: event.MFABackupCodesRegenerated, Subject: "u", Data: map[string]any{"count": -1}}},
		{name: "count of int64", event: event.Event{Type: event.MFABackupCodesRegenerated, Subject: "u", Data: map[string]any{"count": int64(10)}}, ok: true},
		{name: "int as instant", event: event.Event{Type: event.AuthAccountLocked, Subject: "u", Data: map[string]any{"until": 5}}},
		{name: "map as value", event: member("client_id", map[string]any{"a": 1})},
		{name: "personal", event: login(func(e *event.Event) { e.PersonalOf, e.Personal = "user-1", map[string]string{"email": "a@b"} }), ok: true},
		{name: "personal of nobody", event: login(func(e *event.Event) { e.Personal = map[string]string{"email": "a@b"} })},
		{name: "person without personal", event: login(func(e *event.Event) { e.PersonalOf = "user-1" })},
		{name: "undeclared personal member", event: login(func(e *event.Event) { e.PersonalOf, e.Personal = "user-1", map[string]string{"diary": "x"} })},
		{name: "personal of an address", event: login(func(e *event.Event) { e.PersonalOf, e.Personal = "a@b", map[string]string{"email": "a@b"} })},
	}
	store := teststore.New(t)
	r := recorders(t, []*sqlstore.Store{store}, newClock())[0]
	written := 0
	for _, tt := range tests {
		err := r.Record(t.Context(), tt.event)
		if tt.ok {
			written++
		}
		if tt.ok != (err == nil) || !tt.ok && !errors.Is(err, event.ErrUndeclared) {
			t.Errorf("%s: Record = %v, want accepted: %v", tt.name, err, tt.ok)
		}
		if got := len(waiting(t, store)); got != written {
			t.Fatalf("%s: %d rows, want %d", tt.name, got, written)
		}
	}
	if err := r.Record(t.Context(), logins(event.MaxBatch+1)...); !errors.Is(err, event.ErrUndeclared) {
		t.Errorf("too many at once: %v", err)
	}
	if err := r.Record(t.Context()); err != nil {
		t.Errorf("none: %v", err)
	}
	ctx := event.WithActor(t.Context(), event.Actor{ID: "x", Kind: "robot"})
	if err := r.Record(ctx, logins(1)...); !errors.Is(err, event.ErrUndeclared) {
		t.Errorf("actor of unknown kind: %v", err)
	}
	ctx = event.WithActor(t.Context(), event.Actor{ID: "alice@acme.test", Kind: event.ActorUser})
	if err := r.Record(ctx, logins(1)...); !errors.Is(err, event.ErrUndeclared) {
		t.Errorf("address as actor: %v", err)
	}
	if got := len(waiting(t, store)); got != written {
		t.Errorf("%d rows, want %d", got, written)
	}
}

// A stranger's request id must not make the record fail, nor smuggle text in.
func TestHostileRequestIDIsLeftOut(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	r := recorders(t, []*sqlstore.Store{store}, newClock())[0]
	for _, id := range []string{"alice@acme.test", "a b", "a\x00", "a\nb", strings.Repeat("x", 129), "ü"} {
		if err := r.Record(event.WithRequest(t.Context(), id), logins(1)...); err != nil {
			t.Errorf("request %q: %v", id, err)
		}
	}
	for _, e := range waiting(t, store) {
		if e.Request != "" {
			t.Errorf("request %q was recorded", e.Request)
		}
	}
}

// The fullest event that the catalogue allows is accepted: no change of state
// fails because it has too much to say.
func TestTheFullestEventFits(t *testing.T) {
	t.Parallel()
	store := teststore.New(t)
	r := recorders(t, []*sqlstore.Store{store}, newClock())[0]
	full := make([]string, event.MaxListItems)
	for i := range full {
		full[i] = strings.Repeat("<", event.MaxListItem)
	}
	for _, entry := range event.Catalogue() {
		data := map[string]any{}
		for name, kind := range entry.Data {
			data[name] = map[event.Kind]any{
				event.ID: strings.Repeat("x", event.MaxID), event.URI: strings.Repeat("x", event.MaxURI),
				event.Enum: strings.Repeat("x", event.MaxEnum), event.List: full,
				event.Count: int64(1) << 62, event.Instant: int64(1) << 62, event.Flag: true,
				event.JWS: strings.Repeat("x", 680) + "." + strings.Repeat("x", 680) + "." + strings.Repeat("x", 680),
			}[kind]
		}
		if err := r.Record(t.Context(), event.Event{Type: entry.Type, Subject: "s", Data: data}); err != nil {
			t.Errorf("%s: %v", entry.Type, err)
		}
	}
}
