package apply

import (
	"context"
	"errors"
	"fmt"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/gate"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/provider/webhook"
	"github.com/signet-idp/signet/storage"
)

// Passwords hashes first passwords (password.Hasher) and says which are weak
// (password.Policy).
type Passwords interface {
	Hash(ctx context.Context, password string) (string, error)
}

// Policy says whether a new password is good enough.
type Policy interface {
	Check(pw string, words ...string) error
}

// Store is what is read to compare a file with what there is.
type Store interface {
	storage.Users
	storage.Organizations
	storage.Memberships
	storage.Roles
	storage.Clients
	storage.Resources
	storage.Gates
}

// Applier applies files.
type Applier struct {
	Store     Store
	Users     *user.Service
	Orgs      *org.Service
	Access    *access.Service
	Clients   *client.Service
	Gates     *gate.Service
	Webhooks  *webhook.Service
	Passwords Passwords
	Policy    Policy
	Changes   change.Runner
}

// Options say how a file is applied.
type Options struct {
	// DryRun does everything and takes it back.
	DryRun bool
	// Prune ends what an earlier file created and this one does not declare.
	Prune bool
	// Source is what events say: "apply", or "demo".
	Source string
}

// Action is what happened to an object.
type Action string

// The actions.
const (
	Created   Action = "create"
	Updated   Action = "update"
	Unchanged Action = "unchanged"
	Deleted   Action = "delete"
	Suspended Action = "suspend"
)

// Done is what happened to one object.
type Done struct {
	Action  Action   `json:"action"`
	Kind    string   `json:"kind"` // organization, role, user, membership, resource, client, gate, webhook
	Name    string   `json:"name"`
	Members []string `json:"members,omitempty"` // that changed
	// ClientSecret was made for a client that the file gave none, and is told
	// this once. Never set by a dry run.
	ClientSecret string `json:"client_secret,omitempty"`
	// Secret is the same for a webhook.
	Secret string `json:"secret,omitempty"`
}

// Report is what happened, in order.
type Report struct {
	DryRun   bool     `json:"dry_run"`
	Objects  []Done   `json:"objects"`
	Warnings []string `json:"warnings,omitempty"`
}

// Count says how many objects an action befell.
func (r *Report) Count(a Action) int {
	n := 0
	for _, d := range r.Objects {
		if d.Action == a {
			n++
		}
	}
	return n
}

// Changed says whether anything is different now.
func (r *Report) Changed() bool { return r.Count(Unchanged) != len(r.Objects) }

// errDryRun takes a dry run's transaction back.
var errDryRun = errors.New("apply: dry run")

// Apply brings the installation to what the file declares. An *Error names what
// is wrong in the file; then, and after any other error, nothing was applied.
func (a *Applier) Apply(ctx context.Context, f *File, o Options) (*Report, error) {
	if o.Source == "" {
		o.Source = "apply"
	}
	c := &check{problems: problems{file: f.name, at: f.at}, applier: a, file: f}
	if err := c.all(ctx); err != nil {
		return nil, err
	}
	hashes, err := a.hash(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("apply: %w", err)
	}
	var report *Report
	err = a.Changes.Do(ctx, "apply", func(ctx context.Context, ch *change.Change) error {
		report = &Report{DryRun: o.DryRun, Warnings: c.warnings}
		run := &run{Applier: a, file: f, options: o, hashes: hashes, report: report, orgs: map[string]string{}}
		if err := run.all(ctx); err != nil {
			return err
		}
		if o.DryRun {
			return errDryRun
		}
		if report.Changed() {
			ch.Record(event.Event{
				Type: event.SystemConfigurationApplied, Subject: "configuration",
				Data: map[string]any{
					"created": report.Count(Created), "updated": report.Count(Updated) + report.Count(Deleted) + report.Count(Suspended),
					"unchanged": report.Count(Unchanged), "source": o.Source,
				},
			})
		}
		return nil
	})
	if errors.Is(err, errDryRun) {
		for i := range report.Objects {
			report.Objects[i].ClientSecret, report.Objects[i].Secret = "", ""
		}
		return report, nil
	}
	if err != nil {
		var p *Error
		if errors.As(err, &p) {
			return nil, p
		}
		return nil, err
	}
	return report, nil
}

// hash hashes the passwords of people who have none yet, by address, before any
// transaction.
func (a *Applier) hash(ctx context.Context, f *File) (map[string]string, error) {
	hashes := map[string]string{}
	for _, u := range f.Users {
		if u.Password == "" && u.PasswordHash == "" {
			continue
		}
		canonical, err := user.Canonical(u.Email)
		if err != nil {
			return nil, err // checked before
		}
		there, err := a.Store.UserByEmail(ctx, canonical)
		switch {
		case err != nil && !errors.Is(err, storage.ErrNotFound):
			return nil, err
		case err == nil && there.PasswordHash != "":
			continue
		case u.PasswordHash != "":
			hashes[canonical] = u.PasswordHash
			continue
		}
		if hashes[canonical], err = a.Passwords.Hash(ctx, u.Password); err != nil {
			return nil, fmt.Errorf("hash the password of %s: %w", u.Email, err)
		}
	}
	return hashes, nil
}
