package users

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// OrganizationQuery names an organization; without it, it is the token's.
type OrganizationQuery struct {
	OrganizationID string `json:"organization_id"`
}

// Removal says what became of an account.
type Removal struct {
	Message string `json:"message"`
	UserID  string `json:"user_id"`
	Success bool   `json:"success"`
	// Deleted: the account itself. False: only the membership in OrganizationID.
	Deleted        bool    `json:"deleted"`
	OrganizationID *string `json:"organization_id"`
}

// delete is DELETE /users/{user_id}.
func (h *Handler) delete(w http.ResponseWriter, r *http.Request) error {
	c := shape.CallerOf(r.Context())
	u, _, err := h.person(r, "delete:members")
	if err != nil {
		return err
	}
	if !c.Service && c.ID == u.ID {
		return fault.New(fault.Forbidden, "one's own account is deleted with DELETE /auth/account, which asks for the password")
	}
	holder, err := h.mayInSystem(r, "delete:system:users")
	if err == nil {
		if _, err := h.Operators.SetUserStatus(r.Context(), holder, u.ID, 0, storage.UserDeleted, "admin"); err != nil {
			return err
		}
		return web.WriteJSON(w, http.StatusOK, Removal{Message: "The account was deleted", UserID: u.ID, Success: true, Deleted: true})
	}
	if !fault.Is(err, fault.Forbidden) {
		return err
	}
	return h.remove(w, r, u)
}

// remove is what an administrator of an organization can do: the account goes
// if the organization manages it, else the membership ends.
func (h *Handler) remove(w http.ResponseWriter, r *http.Request, u storage.User) error {
	ctx, c := r.Context(), shape.CallerOf(r.Context())
	id := r.URL.Query().Get("organization_id")
	if id == "" {
		id = c.OrganizationID
	}
	if id == "" {
		return fault.New(fault.Forbidden, "name the organization: organization_id")
	}
	o, holder, err := h.Directory.Organization(ctx, c, id, "delete:members")
	if err != nil {
		return err
	}
	managed, err := h.manages(ctx, o.ID, u)
	if err != nil {
		return err
	}
	err = h.Changes.Do(ctx, "users: delete", func(ctx context.Context, _ *change.Change) error {
		// Ending the membership asks whether the caller may take what the
		// person holds there, and whether the organization keeps an owner.
		if err := h.Members.RemoveMember(ctx, holder, o.ID, u.ID, false, "removed"); err != nil || !managed {
			return err
		}
		_, err := h.Accounts.Delete(ctx, u.ID, "organization")
		return err
	})
	if err != nil {
		return err
	}
	out := Removal{Message: "The membership was ended", UserID: u.ID, Success: true, Deleted: managed, OrganizationID: &o.ID}
	if managed {
		out.Message = "The account was deleted"
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

// manages says whether the organization manages the account: it has proven that
// the domain of the person's verified address is its own, and the account holds
// nothing of the system.
func (h *Handler) manages(ctx context.Context, organizationID string, u storage.User) (bool, error) {
	_, domain, ok := strings.Cut(u.EmailCanonical, "@")
	if !ok || !u.EmailVerified {
		return false, nil
	}
	owner, err := h.Store.OwnerOfDomain(ctx, domain)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case owner != organizationID:
		return false, nil
	}
	roles, err := h.Store.SystemRoles(ctx, u.ID)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(roles, func(name string) bool { return name != access.SystemUser }), nil
}
