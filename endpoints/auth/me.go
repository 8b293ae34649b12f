package auth

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/directory"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// account describes a person in an organization of theirs. Between the check of
// the token and this look they may have left it, or gone.
func (h *Handler) account(ctx context.Context, userID, organizationID string) (directory.Account, error) {
	a, err := h.Directory.Account(ctx, userID, organizationID)
	switch {
	case fault.Is(err, fault.NotMember):
		return a, fault.Wrap(err, fault.TokenStale, "roles have changed; refresh the token")
	case fault.Is(err, fault.UserNotFound):
		return a, fault.Wrap(err, fault.TokenRevoked, "the account is no more")
	}
	return a, err
}

// me is GET /auth/me.
func (h *Handler) me(w http.ResponseWriter, r *http.Request) error {
	p := web.PrincipalFrom(r.Context())
	a, err := h.account(r.Context(), p.Subject, p.OrgID)
	if err != nil {
		return err
	}
	var members int64
	if a.Organization != nil {
		if members, err = h.Store.CountMembers(r.Context(), storage.MemberQuery{OrganizationID: a.Organization.ID}); err != nil {
			return err
		}
	}
	return web.WriteJSON(w, http.StatusOK, h.Shapes.MeOf(a, members))
}

// ProfileRequest is the body of PATCH /auth/me: what is there changes, null and
// "" take a member out. E-mail address, telephone number, status, roles and the
// verified flags are not changed here, and neither is anything else that is no
// member of a profile.
type ProfileRequest struct {
	FirstName   *string        `json:"first_name"`
	LastName    *string        `json:"last_name"`
	FullName    *string        `json:"full_name"`
	Name        *string        `json:"name"`
	DisplayName *string        `json:"display_name"`
	Username    *string        `json:"username"`
	AvatarURL   *string        `json:"avatar_url"`
	Bio         *string        `json:"bio"`
	JobTitle    *string        `json:"job_title"`
	Department  *string        `json:"department"`
	Skills      []string       `json:"skills"`
	Interests   []string       `json:"interests"`
	Timezone    *string        `json:"timezone"`
	Language    *string        `json:"language"`
	Website     *string        `json:"website"`
	Birthdate   *string        `json:"birthdate"`
	Gender      *string        `json:"gender"`
	Address     map[string]any `json:"address"`
}

// patchMe is PATCH /auth/me and PATCH /auth/profile.
func (h *Handler) patchMe(w http.ResponseWriter, r *http.Request) error {
	var body map[string]any
	if err := web.Decode(r, &body); err != nil {
		return err
	}
	p := web.PrincipalFrom(r.Context())
	patch, names := profilePatch(body)
	if _, err := h.Users.UpdateProfile(r.Context(), p.Subject, patch, "self"); err != nil {
		return apiNames(err, names)
	}
	user, err := h.user(r, p.Subject, p.OrgID)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, user)
}

// profilePatch takes the profile members out of a body, under the names they are
// kept under; names tells how the body spelled each.
func profilePatch(body map[string]any) (patch map[string]any, names map[string]string) {
	patch, names = map[string]any{}, map[string]string{}
	spelled := make([]string, 0, len(body))
	for name := range body {
		spelled = append(spelled, name)
	}
	slices.Sort(spelled) // of two spellings of one member the later one counts, always
	for _, name := range spelled {
		if member := shape.ProfileMember(name); member != "" {
			patch[member], names[member] = body[name], name
		}
	}
	return patch, names
}

// apiNames gives the fields of a refusal the names that the request used.
func apiNames(err error, names map[string]string) error {
	var f *fault.Error
	if !errors.As(err, &f) || len(f.Fields) == 0 {
		return err
	}
	out := *f
	out.Fields = slices.Clone(f.Fields)
	for i, field := range out.Fields {
		if name := names[field.Field]; name != "" {
			out.Fields[i].Field = name
		}
	}
	return &out
}
