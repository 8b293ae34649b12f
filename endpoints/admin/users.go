package admin

import (
	"net/http"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/operator"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
)

func (h *Handler) users() []web.Route {
	tags, one := []string{"Operators: users"}, "/admin/v1/users/{user_id}"
	return []web.Route{
		h.route("read:system:users", h.listUsers, web.Route{
			Name: "adminListUsers", Summary: "Find people", Tags: tags, Methods: []string{http.MethodGet}, Path: "/admin/v1/users",
			Query: web.TypeOf[UserQuery](), Response: web.TypeOf[Users](), Errors: []string{"REQ_001"},
		}),
		h.route("create:system:users", h.createUser, web.Route{
			Name: "adminCreateUser", Summary: "Make an account", Tags: tags, Methods: []string{http.MethodPost}, Path: "/admin/v1/users",
			Idempotent: true, Request: web.TypeOf[CreateUser](), Response: web.TypeOf[User](), Status: http.StatusCreated,
			Errors: []string{"REQ_001", "USER_002", "AUTH_012", "ORG_001"},
		}),
		h.route("read:system:users", h.getUser, web.Route{
			Name: "adminGetUser", Summary: "A person", Tags: tags, Methods: []string{http.MethodGet}, Path: one,
			Response: web.TypeOf[User](), Errors: []string{"USER_001"},
		}),
		h.route("write:system:users", h.patchUser, web.Route{
			Name: "adminUpdateUser", Summary: "Change profile, address or password", Tags: tags, Methods: []string{http.MethodPatch}, Path: one,
			Request: web.TypeOf[PatchUser](), Response: web.TypeOf[User](), Errors: []string{"REQ_001", "USER_001", "USER_002", "AUTH_012", "REQ_007"},
		}),
		h.route("delete:system:users", h.deleteUser, web.Route{
			Name: "adminDeleteUser", Summary: "Delete an account", Tags: tags, Methods: []string{http.MethodDelete}, Path: one,
			Query: web.TypeOf[Removal](), Status: http.StatusNoContent, Errors: []string{"USER_001", "ORG_003", "REQ_007"},
		}),
		h.route("write:system:users", h.setUserStatus, web.Route{
			Name: "adminSetUserStatus", Summary: "Suspend, restore or delete an account", Tags: tags, Methods: []string{http.MethodPatch}, Path: one + "/status",
			Request: web.TypeOf[UserStatus](), Response: web.TypeOf[User](), Errors: []string{"REQ_001", "USER_001", "ORG_003", "REQ_007"},
		}),
	}
}

// User is a person as operators see them.
type User struct {
	shape.User
	SystemRoles       []string          `json:"system_roles"` // bare names
	Organizations     []shape.Belonging `json:"organizations"`
	HasPassword       bool              `json:"has_password"`
	PasswordChangedAt *string           `json:"password_changed_at"`
	ManagedBy         *string           `json:"managed_by"` // what declares the account, such as apply
	DeletedAt         *string           `json:"deleted_at"`
	EraseAt           *string           `json:"erase_at"` // when what it says of its person is wiped
	Version           int64             `json:"version"`
}

// UserQuery finds people.
type UserQuery struct {
	Range
	Q              string `json:"q" doc:"The beginnings of words of the name and the address."`
	Status         string `json:"status" enum:"active,suspended,deleted"`
	OrganizationID string `json:"organization_id"`
}

// Users is a page of people.
type Users struct {
	Page
	Users []shape.User `json:"users"`
}

func (h *Handler) listUsers(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	p, err := web.ReadPaging(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	uq := storage.UserQuery{
		Status: storage.UserStatus(q.Get("status")), OrganizationID: q.Get("organization_id"),
		After: p.Cursor, Offset: p.Offset, Limit: p.Size,
	}
	switch uq.Status {
	case "", storage.UserActive, storage.UserSuspended, storage.UserDeleted:
	default:
		return fault.Field("query.status", "a status is active, suspended or deleted")
	}
	if uq.OrganizationID != "" && !isID(uq.OrganizationID) {
		return fault.Field("query.organization_id", "write the id of an organization")
	}
	if p.Cursor != "" && !isID(p.Cursor) {
		return fault.Field("query.cursor", "use the next_cursor of the answer before")
	}
	if q.Get("q") != "" {
		if uq.Terms = user.Terms(q.Get("q")); len(uq.Terms) == 0 {
			return fault.Field("query.q", "write the beginning of a name or an address")
		}
	}
	list, err := h.Store.QueryUsers(r.Context(), uq)
	if err != nil {
		return err
	}
	total, err := h.Store.CountUsers(r.Context(), uq)
	if err != nil {
		return err
	}
	out := Users{Users: []shape.User{}}
	last := ""
	for _, u := range list {
		last = u.ID
		out.Users = append(out.Users, h.Shape.PersonOf(u))
	}
	out.Page = page(w, r, p, total, len(list), last)
	return web.WriteJSON(w, http.StatusOK, out)
}

// CreateUser is what an account is made from.
type CreateUser struct {
	Email         string `json:"email" required:"true"`
	EmailVerified bool   `json:"email_verified"`
	Password      string `json:"password" doc:"Left out: none; the person sets one with a recovery link."`
	// Profile holds members by their names in answers or in OpenID Connect.
	Profile       map[string]any `json:"profile"`
	SystemRoles   []string       `json:"system_roles" doc:"Bare names; left out: user."`
	Organizations []Membership   `json:"organizations"`
	// SendRecoveryLink mails the link by which the person sets a password.
	SendRecoveryLink bool `json:"send_recovery_link"`
}

// Membership is where a new account belongs.
type Membership struct {
	OrganizationID string   `json:"organization_id" required:"true"` // or the slug
	Roles          []string `json:"roles"`                           // empty: member
}

// maxOrganizations bounds what one request makes somebody a member of.
const maxOrganizations = 50

func (h *Handler) createUser(w http.ResponseWriter, r *http.Request, by access.Holder) error {
	var in CreateUser
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	n := operator.NewUser{
		Email: in.Email, EmailVerified: in.EmailVerified, Password: in.Password, Profile: profile(in.Profile),
		SystemRoles: in.SystemRoles, SendLink: in.SendRecoveryLink,
	}
	if len(in.Organizations) > maxOrganizations {
		return fault.Field("organizations", "these are too many at once")
	}
	for _, m := range in.Organizations {
		o, err := h.organization(r.Context(), m.OrganizationID)
		if err != nil {
			return err
		}
		if len(m.Roles) == 0 {
			m.Roles = []string{access.Member}
		}
		n.Organizations = append(n.Organizations, operator.Membership{OrganizationID: o.ID, Roles: m.Roles})
	}
	u, err := h.Operator.CreateUser(r.Context(), by, n)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/admin/v1/users/"+u.ID)
	return h.showUser(w, r, http.StatusCreated, u.ID)
}

// profile takes members by either of their names.
func profile(in map[string]any) map[string]any {
	if in == nil {
		return nil
	}
	out := make(map[string]any, len(in))
	for name, v := range in {
		if kept := shape.ProfileMember(name); kept != "" {
			name = kept
		}
		out[name] = v
	}
	return out
}

func (h *Handler) getUser(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	id, err := userID(r)
	if err != nil {
		return err
	}
	return h.showUser(w, r, http.StatusOK, id)
}

func (h *Handler) showUser(w http.ResponseWriter, r *http.Request, status int, id string) error {
	a, err := h.Directory.Account(r.Context(), id, "")
	if err != nil {
		return err
	}
	u := a.User
	return write(w, status, u.Version, User{
		User: h.Shape.UserOf(a), SystemRoles: shape.List(a.SystemRoles), Organizations: h.Shape.BelongingsOf(a.Memberships),
		HasPassword: u.PasswordHash != "", PasswordChangedAt: h.Shape.Times.Ptr(u.PasswordChangedAt), ManagedBy: optional(u.ManagedBy),
		DeletedAt: h.Shape.Times.Ptr(u.DeletedAt), EraseAt: h.Shape.Times.Ptr(u.EraseAt), Version: u.Version,
	})
}

// PatchUser changes an account; what is left out stays.
type PatchUser struct {
	Profile       map[string]any `json:"profile" doc:"null takes a member out."`
	Email         *string        `json:"email"`
	EmailVerified *bool          `json:"email_verified"`
	Password      *string        `json:"password" doc:"Ends every session; empty takes the password away."`
}

func (h *Handler) patchUser(w http.ResponseWriter, r *http.Request, by access.Holder) error {
	id, err := userID(r)
	if err != nil {
		return err
	}
	version, err := ifMatch(r)
	if err != nil {
		return err
	}
	var in PatchUser
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	if _, err := h.Operator.UpdateUser(r.Context(), by, id, version, operator.UserPatch{
		Profile: profile(in.Profile), Email: in.Email, EmailVerified: in.EmailVerified, Password: in.Password,
	}); err != nil {
		return err
	}
	return h.showUser(w, r, http.StatusOK, id)
}

// UserStatus is the state an account should have.
type UserStatus struct {
	Status string `json:"status" required:"true" enum:"active,suspended,deleted"`
	Reason string `json:"reason" doc:"An enumeration for the record; free text becomes other."`
}

func (h *Handler) setUserStatus(w http.ResponseWriter, r *http.Request, by access.Holder) error {
	id, err := userID(r)
	if err != nil {
		return err
	}
	version, err := ifMatch(r)
	if err != nil {
		return err
	}
	var in UserStatus
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	status := storage.UserStatus(in.Status)
	if status == storage.UserDeleted {
		if err := h.may(r.Context(), by, "delete:system:users"); err != nil {
			return err
		}
	}
	if _, err := h.Operator.SetUserStatus(r.Context(), by, id, version, status, given(in.Reason)); err != nil {
		return err
	}
	return h.showUser(w, r, http.StatusOK, id)
}

func (h *Handler) deleteUser(w http.ResponseWriter, r *http.Request, by access.Holder) error {
	id, err := userID(r)
	if err != nil {
		return err
	}
	version, err := ifMatch(r)
	if err != nil {
		return err
	}
	if _, err := h.Operator.SetUserStatus(r.Context(), by, id, version, storage.UserDeleted, reason(r)); err != nil {
		return err
	}
	return web.NoContent(w)
}
