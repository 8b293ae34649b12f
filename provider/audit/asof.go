package audit

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

// Moment asks who had which role at a time.
type Moment struct {
	Time         time.Time `json:"time"`
	User         string    `json:"user,omitempty"`         // of this person only
	Organization string    `json:"organization,omitempty"` // in this organization only, and not of the system
}

// Holding is the roles that somebody had.
type Holding struct {
	User string `json:"user_id"`
	// Organization is empty for roles of the system.
	Organization string   `json:"organization_id"`
	Roles        []string `json:"roles"`
	// Since, By and Event say when it came to that, who did it, and the seq of
	// the event that tells of it.
	Since time.Time `json:"since"`
	By    string    `json:"by"`
	Event int64     `json:"event"`
}

// Holdings is the answer.
type Holdings struct {
	Time time.Time `json:"time"`
	// Through is the last event that was read.
	Through  int64     `json:"through"`
	Holdings []Holding `json:"holdings"`
	// Incomplete: retention removed events that the answer would need.
	Incomplete bool `json:"incomplete"`
}

// foldTypes are the events that say who has which role.
func foldTypes() []string {
	return []string{
		string(event.UserCreated), string(event.UserDeleted), string(event.UserStatusChanged), string(event.AuthPermissionChanged),
		string(event.OrganizationCreated), string(event.OrganizationDeleted),
		string(event.OrganizationUserAdded), string(event.OrganizationUserRemoved), string(event.OrganizationRoleChanged),
	}
}

// AsOf answers from the record alone, whatever the tables say now.
func AsOf(ctx context.Context, store QueryStore, m Moment) (Holdings, error) {
	f := fold{moment: m, held: map[place]Holding{}}
	out := Holdings{Time: m.Time, Holdings: []Holding{}}
	q := storage.EventQuery{
		Organization: m.Organization, Types: foldTypes(), To: m.Time.Add(time.Microsecond), OldestFirst: true, Limit: MaxLimit,
	}
	for {
		rows, err := store.QueryEvents(ctx, q)
		if err != nil {
			return Holdings{}, wrap("as of", err)
		}
		for _, e := range rows {
			if err := f.event(e); err != nil {
				return Holdings{}, err
			}
			q.After, out.Through = e.Seq, e.Seq
		}
		if len(rows) < MaxLimit {
			break
		}
	}
	for _, h := range f.held {
		if m.User == "" || h.User == m.User {
			out.Holdings = append(out.Holdings, h)
		}
	}
	slices.SortFunc(out.Holdings, func(a, b Holding) int {
		return cmp.Or(cmp.Compare(a.Organization, b.Organization), cmp.Compare(a.User, b.User))
	})
	var err error
	out.Incomplete, err = pruned(ctx, store)
	return out, err
}

// pruned says whether retention ever removed events of a class that a fold reads.
func pruned(ctx context.Context, store QueryStore) (bool, error) {
	needed := map[string]bool{}
	for _, e := range event.Catalogue() {
		if slices.Contains(foldTypes(), string(e.Type)) {
			needed[string(e.Class)] = true
		}
	}
	q := storage.EventQuery{Types: []string{string(event.AuditPruned)}, OldestFirst: true, Limit: MaxLimit}
	for {
		rows, err := store.QueryEvents(ctx, q)
		if err != nil {
			return false, wrap("as of", err)
		}
		for _, e := range rows {
			var data struct {
				Class string `json:"class"`
			}
			if err := json.Unmarshal(e.Data, &data); err != nil {
				return false, wrap("as of", err)
			}
			if needed[data.Class] {
				return true, nil
			}
			q.After = e.Seq
		}
		if len(rows) < MaxLimit {
			return false, nil
		}
	}
}

// place is where somebody has roles.
type place struct{ organization, user string }

type fold struct {
	moment Moment
	held   map[place]Holding
}

// told is what the events say.
type told struct {
	User   string   `json:"user_id"`
	Owner  string   `json:"owner_id"`
	Roles  []string `json:"roles"`
	Change string   `json:"change"`
	Role   string   `json:"role"`
	From   string   `json:"from"`
}

func (f *fold) event(e storage.Event) error {
	var d told
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return fmt.Errorf("audit: as of: the event at seq %d: %w", e.Seq, err)
	}
	switch event.Type(e.Type) {
	case event.UserCreated:
		if d.Roles == nil { // older events do not say: those of an ordinary user
			d.Roles = []string{access.SystemUser}
		}
		f.set(e, "", e.Subject, d.Roles)
	case event.UserDeleted:
		f.set(e, "", e.Subject, nil)
	case event.UserStatusChanged:
		if d.From == string(storage.UserDeleted) { // restored
			f.set(e, "", e.Subject, []string{access.SystemUser})
		}
	case event.AuthPermissionChanged:
		switch d.Change {
		case "roles_changed":
			f.set(e, "", d.User, d.Roles)
		case "role_deleted":
			f.lose(e, d.Role)
		}
	case event.OrganizationCreated:
		if d.Owner != "" {
			f.set(e, e.Subject, d.Owner, []string{access.Owner})
		}
	case event.OrganizationUserAdded, event.OrganizationRoleChanged:
		f.set(e, e.Subject, d.User, d.Roles)
	case event.OrganizationUserRemoved:
		delete(f.held, place{e.Subject, d.User})
	case event.OrganizationDeleted:
		for p := range f.held {
			if p.organization == e.Subject {
				delete(f.held, p)
			}
		}
	}
	return nil
}

// set notes that somebody has exactly these roles from now on.
func (f *fold) set(e storage.Event, organization, user string, roles []string) {
	p := place{organization, user}
	if organization == "" && len(roles) == 0 {
		delete(f.held, p)
		return
	}
	roles = slices.Clone(roles)
	slices.Sort(roles)
	f.held[p] = Holding{User: user, Organization: organization, Roles: roles, Since: e.Time, By: e.Actor, Event: e.Seq}
}

// lose takes a role that was deleted from all who had it.
func (f *fold) lose(e storage.Event, role string) {
	for p, h := range f.held {
		if p.organization != e.Organization || !slices.Contains(h.Roles, role) {
			continue
		}
		f.set(e, p.organization, p.user, slices.DeleteFunc(h.Roles, func(r string) bool { return r == role }))
	}
}
