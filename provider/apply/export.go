package apply

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/storage"
)

// Export reads what there is into the form of a file: applied again, it changes
// nothing. Secrets of clients and webhooks are never in it; password hashes only when asked
// for, to move people to another installation. Deleted people and organizations
// are left out.
func (a *Applier) Export(ctx context.Context, passwordHashes bool) (*File, error) {
	f := &File{}
	slugs, members := map[string]string{}, map[string][]Membership{}
	err := a.eachOrganization(ctx, func(o storage.Organization) error {
		slugs[o.ID] = o.Slug
		out := Organization{ID: o.ID, Slug: o.Slug, Name: o.Name, Profile: org.Described(o.Profile)}
		if o.Status != storage.OrganizationActive {
			out.Status = string(o.Status)
		}
		f.Organizations = append(f.Organizations, out)
		if err := a.exportMembers(ctx, o, members); err != nil {
			return err
		}
		return a.exportRoles(ctx, f, o.ID, o.Slug)
	})
	if err == nil {
		err = a.exportRoles(ctx, f, "", "")
	}
	if err == nil {
		err = a.exportUsers(ctx, f, members, passwordHashes)
	}
	if err == nil {
		err = a.exportResources(ctx, f, slugs)
	}
	if err == nil {
		err = a.exportClients(ctx, f, slugs)
	}
	if err == nil {
		err = a.exportGates(ctx, f, slugs)
	}
	if err == nil {
		err = a.exportWebhooks(ctx, f)
	}
	if err != nil {
		return nil, fmt.Errorf("apply: export: %w", err)
	}
	slices.SortFunc(f.Organizations, func(x, y Organization) int { return strings.Compare(x.Slug, y.Slug) })
	slices.SortFunc(f.Roles, func(x, y Role) int { return strings.Compare(x.Organization+"/"+x.Name, y.Organization+"/"+y.Name) })
	return f, nil
}

func (a *Applier) exportMembers(ctx context.Context, o storage.Organization, into map[string][]Membership) error {
	return pages(func(after string) (string, int, error) {
		list, err := a.Store.MembersOf(ctx, o.ID, after, page)
		for _, m := range list {
			after = m.UserID
			if len(m.Roles) > 0 { // none: what they held was deleted; a file cannot say so
				into[m.UserID] = append(into[m.UserID], Membership{Slug: o.Slug, Roles: m.Roles})
			}
		}
		return after, len(list), err
	})
}

func (a *Applier) exportRoles(ctx context.Context, f *File, id, slug string) error {
	roles, err := a.Store.ListRoles(ctx, id)
	for _, r := range roles {
		if !r.Builtin {
			f.Roles = append(f.Roles, Role{Name: r.Name, Organization: slug, Description: r.Description, Permissions: r.Permissions})
		}
	}
	return err
}

func (a *Applier) exportUsers(ctx context.Context, f *File, members map[string][]Membership, hashes bool) error {
	return pages(func(after string) (string, int, error) {
		list, err := a.Store.ListUsers(ctx, after, page)
		for _, u := range list {
			after = u.ID
			if u.Status == storage.UserDeleted {
				continue
			}
			roles, err := a.Store.SystemRoles(ctx, u.ID)
			if err != nil {
				return "", 0, err
			}
			if roles == nil {
				roles = []string{}
			}
			out := User{ID: u.ID, Email: u.Email, EmailVerified: &u.EmailVerified, Roles: roles, Organizations: members[u.ID], Profile: u.Profile}
			if u.Status != storage.UserActive {
				out.Status = string(u.Status)
			}
			if hashes {
				out.PasswordHash = u.PasswordHash
			}
			f.Users = append(f.Users, out)
		}
		return after, len(list), err
	})
}

func (a *Applier) exportResources(ctx context.Context, f *File, slugs map[string]string) error {
	return pages(func(after string) (string, int, error) {
		list, err := a.Store.ListResources(ctx, after, page)
		for _, r := range list {
			after = r.Identifier
			f.Resources = append(f.Resources, Resource{
				Identifier: r.Identifier, Organization: slugs[r.OrganizationID], Name: r.Name, Scopes: r.Scopes,
				SigningAlg: r.SigningAlg, TokenLifetime: int64(r.TokenLifetime / time.Second), Introspectors: r.Introspectors,
			})
		}
		return after, len(list), err
	})
}

func (a *Applier) exportGates(ctx context.Context, f *File, slugs map[string]string) error {
	return pages(func(after string) (string, int, error) {
		list, err := a.Store.ListGates(ctx, after, page)
		for _, g := range list {
			after = g.Name
			f.Gates = append(f.Gates, Gate{
				Name: g.Name, Audience: g.Audience, Scopes: g.Scopes, Roles: g.Roles, Organization: slugs[g.OrganizationID],
				ACR: g.ACR, MaxAge: int64(g.MaxAge / time.Second), Style: g.Style, Fail: g.Fail, Browser: g.Browser,
			})
		}
		return after, len(list), err
	})
}

func (a *Applier) exportClients(ctx context.Context, f *File, slugs map[string]string) error {
	return pages(func(after string) (string, int, error) {
		list, err := a.Store.ListClients(ctx, after, page)
		for _, c := range list {
			if after = c.ClientID; c.ManagedBy == Builtin {
				continue // every installation has it
			}
			out := Client{ClientID: c.ClientID, Organization: slugs[c.OrganizationID], ClientMetadata: c.Metadata}
			if c.Disabled {
				out.Disabled = &c.Disabled
			}
			f.Clients = append(f.Clients, out)
		}
		return after, len(list), err
	})
}

// YAML writes the file. Members stand in the order of their types.
func (f *File) YAML() ([]byte, error) { return YAML(f) }

// YAML writes anything that can be written as JSON as YAML, in the same order.
func YAML(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("apply: write: %w", err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil { // JSON is YAML, and nodes keep its order
		return nil, fmt.Errorf("apply: write: %w", err)
	}
	block(&doc)
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return nil, fmt.Errorf("apply: write: %w", err)
	}
	return out.Bytes(), nil
}

// block turns JSON's braces and quotes into YAML's lines.
func block(n *yaml.Node) {
	n.Style = 0
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		n.SetString(n.Value) // quotes where they are needed
	}
	short := n.Kind == yaml.SequenceNode
	for _, c := range n.Content {
		short = short && c.Kind == yaml.ScalarNode && len(n.Content) <= 8 && len(c.Value) < 40
		block(c)
	}
	if short {
		n.Style = yaml.FlowStyle
	}
}

// MarshalJSON writes a person with their profile beside the other members.
func (u User) MarshalJSON() ([]byte, error) {
	type plain User // without this method
	raw, err := json.Marshal(plain(u))
	if err != nil || len(u.Profile) == 0 {
		return raw, err
	}
	profile, err := json.Marshal(u.Profile)
	if err != nil {
		return nil, err
	}
	return append(append(raw[:len(raw)-1], ','), profile[1:]...), nil
}
