package users

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/account"
	"github.com/signet-idp/signet/provider/directory"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// ProfileRequest is the body of POST /users/profile. A member that is not there
// stays as it is.
type ProfileRequest struct {
	Email       string         `json:"email"`
	Password    string         `json:"password"`
	FirstName   *string        `json:"first_name"`
	LastName    *string        `json:"last_name"`
	FullName    *string        `json:"full_name"`
	DisplayName *string        `json:"display_name"`
	Username    *string        `json:"username"`
	PhoneNumber *string        `json:"phone_number"`
	JobTitle    *string        `json:"job_title"`
	Department  *string        `json:"department"`
	Bio         *string        `json:"bio"`
	Skills      []string       `json:"skills"`
	Interests   []string       `json:"interests"`
	TenantID    string         `json:"tenant_id"` // opens nothing: into an organization leads an invitation only
	InviteToken string         `json:"invite_token"`
	AvatarURL   *string        `json:"avatar_url"`
	Timezone    *string        `json:"timezone"`
	Language    *string        `json:"language"`
	Preferences map[string]any `json:"preferences"`
}

// patch is the request under the names that a profile is kept under.
func (q *ProfileRequest) patch() map[string]any {
	out := map[string]any{}
	for claim, v := range map[string]*string{
		"given_name": q.FirstName, "family_name": q.LastName, "name": q.FullName, "nickname": q.DisplayName,
		"preferred_username": q.Username, "job_title": q.JobTitle,
		"department": q.Department, "bio": q.Bio, "picture": q.AvatarURL, "zoneinfo": q.Timezone, "locale": q.Language,
	} {
		if v != nil {
			out[claim] = *v
		}
	}
	if q.Skills != nil {
		out["skills"] = q.Skills
	}
	if q.Interests != nil {
		out["interests"] = q.Interests
	}
	return out
}

// UserProfile is an account with its preferences, and once more below profile,
// where some clients look for it.
type UserProfile struct {
	Profile
	Nested Profile `json:"profile"`
}

// Profile is an account with its preferences.
type Profile struct {
	shape.User
	Preferences map[string]any `json:"preferences"`
}

func profileOf(u shape.User, of storage.User, private bool) UserProfile {
	p := Profile{User: u, Preferences: map[string]any{}}
	if private {
		p.Preferences = shape.Object(of.Profile, "preferences")
	}
	return UserProfile{Profile: p, Nested: p}
}

// createProfile is POST /users/profile.
func (h *Handler) createProfile(w http.ResponseWriter, r *http.Request) error {
	var q ProfileRequest
	if err := web.Decode(r, &q); err != nil {
		return err
	}
	bearer, err := web.BearerToken(r)
	if err != nil {
		return err
	}
	if bearer != "" && q.Email == "" {
		return h.updateProfile(w, r, bearer, &q)
	}
	if h.Registrar == nil {
		return fault.New(fault.Forbidden, "registration is closed")
	}
	profile := q.patch()
	if q.PhoneNumber != nil {
		profile["phone_number"] = *q.PhoneNumber
	}
	made, err := h.Registrar.Register(r.Context(), account.Registration{
		Email: q.Email, Password: q.Password, Profile: profile, InviteToken: q.InviteToken, Locale: r.Header.Get("Accept-Language"),
	})
	if err != nil {
		return err
	}
	if made.Neutral {
		return web.WriteJSON(w, http.StatusAccepted, shape.Message{
			Message: "Check your mail: we sent a message to this address that says how to go on",
		})
	}
	u := made.User
	if len(q.Preferences) > 0 {
		if u, err = h.Accounts.MergePreferences(r.Context(), u.ID, q.Preferences, "self"); err != nil {
			return err
		}
	}
	return h.writeProfile(r.Context(), w, http.StatusCreated, u)
}

// updateProfile changes the caller's own. The address and the telephone number
// have routes of their own, which prove them.
func (h *Handler) updateProfile(w http.ResponseWriter, r *http.Request, bearer string, q *ProfileRequest) error {
	p, err := h.Authenticator.Authenticate(r.Context(), bearer)
	if err != nil {
		return err
	}
	switch {
	case !p.ForIssuer:
		return fault.New(fault.TokenMalformed, "the token is not meant for this API")
	case !p.HasScope(scopeAccount):
		return &fault.Error{Code: fault.InsufficientScope, Message: "the token lacks the scope account", Scope: scopeAccount}
	case p.Service:
		return fault.New(fault.Forbidden, "there is no person behind this token")
	}
	ctx := event.WithActor(web.WithPrincipal(r.Context(), &p), event.Actor{ID: p.Subject, Kind: event.ActorUser})
	u, err := h.Accounts.UpdateProfile(ctx, p.Subject, q.patch(), "self")
	if err == nil && len(q.Preferences) > 0 {
		u, err = h.Accounts.MergePreferences(ctx, p.Subject, q.Preferences, "self")
	}
	if err != nil {
		return err
	}
	return h.writeProfile(ctx, w, http.StatusOK, u)
}

func (h *Handler) writeProfile(ctx context.Context, w http.ResponseWriter, status int, u storage.User) error {
	a, err := h.Directory.Account(ctx, u.ID, "")
	if err != nil {
		return err
	}
	return web.WriteJSON(w, status, profileOf(h.Shapes.UserOf(a), a.User, true))
}

// get is GET /users/{user_id}.
func (h *Handler) get(w http.ResponseWriter, r *http.Request) error {
	u, _, err := h.seen(r)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, u)
}

// profile is GET /users/{user_id}/profile.
func (h *Handler) profile(w http.ResponseWriter, r *http.Request) error {
	u, account, err := h.seen(r)
	if err != nil {
		return err
	}
	if account == nil {
		return web.WriteJSON(w, http.StatusOK, profileOf(u, storage.User{}, false))
	}
	return web.WriteJSON(w, http.StatusOK, profileOf(u, *account, true))
}

// seen is a person as the caller sees them; the account is nil unless it is
// seen in full.
func (h *Handler) seen(r *http.Request) (shape.User, *storage.User, error) {
	u, sight, err := h.person(r, "")
	if err != nil {
		return shape.User{}, nil, err
	}
	switch sight {
	case directory.SightFull:
		a, err := h.Directory.Account(r.Context(), u.ID, "")
		if err != nil {
			return shape.User{}, nil, err
		}
		return h.Shapes.UserOf(a), &a.User, nil
	case directory.SightMember:
		out, err := h.rolesHere(r, h.memberPart(u))
		return out, nil, err
	}
	out, err := h.rolesHere(r, h.Shapes.PublicOf(u))
	return out, nil, err
}

// rolesHere adds the roles in the token's organization, if the person belongs
// to it: every member sees those of the others.
func (h *Handler) rolesHere(r *http.Request, out shape.User) (shape.User, error) {
	organizationID := shape.CallerOf(r.Context()).OrganizationID
	if organizationID == "" {
		return out, nil
	}
	m, err := h.Store.Membership(r.Context(), organizationID, out.ID)
	switch {
	case errors.Is(err, storage.ErrNotFound):
	case err != nil:
		return out, err
	default:
		out.Roles = h.Shapes.Roles(m.Roles)
		out.OrganizationID, out.TenantID = &m.OrganizationID, &m.OrganizationID
	}
	return out, nil
}

// memberPart is what an administrator of an organization sees of a member: the
// public part, the address and the account's state.
func (h *Handler) memberPart(u storage.User) shape.User {
	out, full := h.Shapes.PublicOf(u), h.Shapes.PersonOf(u)
	out.Email, out.Status = full.Email, full.Status
	out.IsVerified, out.EmailVerified = full.IsVerified, full.EmailVerified
	out.LastLogin, out.LastLoginAt = full.LastLogin, full.LastLoginAt
	out.CreatedAt, out.UpdatedAt = full.CreatedAt, full.UpdatedAt
	return out
}

// Contact is how a person is reached.
type Contact struct {
	UserID      string   `json:"user_id"`
	Email       *string  `json:"email"`
	Phone       *string  `json:"phone"`
	PhoneNumber *string  `json:"phone_number"`
	PushTokens  []string `json:"push_tokens"`
}

// contact is GET /users/{user_id}/contact.
func (h *Handler) contact(w http.ResponseWriter, r *http.Request) error {
	ctx, c := r.Context(), shape.CallerOf(r.Context())
	var u storage.User
	if c.Service && slices.Contains(c.Scopes, scopeContact) {
		within, err := h.Directory.Within(ctx, c, r.PathValue("user_id"))
		if err != nil {
			return err
		}
		if within {
			u, err = h.account(r, r.PathValue("user_id"))
		} else {
			err = fault.New(fault.UserNotFound, "there is no such user")
		}
		if err != nil {
			return err
		}
	} else {
		var err error
		if u, err = h.fully(r); err != nil {
			return err
		}
	}
	full := h.Shapes.PersonOf(u)
	return web.WriteJSON(w, http.StatusOK, Contact{
		UserID: u.ID, Email: full.Email, Phone: full.PhoneNumber, PhoneNumber: full.PhoneNumber, PushTokens: []string{},
	})
}

// account reads an account that is not deleted, for a service that was found
// to reach it.
func (h *Handler) account(r *http.Request, id string) (storage.User, error) {
	u, err := h.Directory.Store.UserByID(r.Context(), id)
	if errors.Is(err, storage.ErrNotFound) || err == nil && u.Status == storage.UserDeleted {
		return storage.User{}, fault.New(fault.UserNotFound, "there is no such user")
	}
	return u, err
}
