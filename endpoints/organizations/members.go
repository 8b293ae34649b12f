package organizations

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
)

func (h *Handler) memberRoutes() []web.Route {
	add := route(http.MethodPost, "/organizations/{org_id}/users")
	add.Name, add.Summary, add.Handler, add.Idempotent, add.RateClass = "addMember", "Add somebody by id, or invite an address", h.add, true, web.RateMail
	add.Request, add.Response, add.Status = web.TypeOf[MemberRequest](), web.TypeOf[shape.Member](), http.StatusCreated
	add.Errors = within("REQ_001", "REQ_004", "USER_001")

	list := route(http.MethodGet, "/organizations/{org_id}/users")
	list.Name, list.Summary, list.Handler = "listMembers", "Who belongs to an organization", h.members
	list.Query, list.Response, list.Items = web.TypeOf[MemberQuery](), web.TypeOf[Members](), web.TypeOf[shape.Member]()
	list.Errors = within("REQ_001")

	change := route(http.MethodPatch, "/organizations/{org_id}/users/{user_id}")
	change.Name, change.Summary, change.Handler = "changeMember", "Give a member exactly these roles", h.change
	change.Request, change.Response = web.TypeOf[RolesRequest](), web.TypeOf[shape.Member]()
	change.Errors = within("ORG_002", "ORG_003", "REQ_001", "REQ_004")

	remove := route(http.MethodDelete, "/organizations/{org_id}/users/{user_id}")
	remove.Name, remove.Summary, remove.Handler = "removeMember", "End a membership; one's own needs no permission", h.removeMember
	remove.Response, remove.Errors = web.TypeOf[shape.Message](), within("ORG_002", "ORG_003", "REQ_004")
	return []web.Route{add, list, change, remove}
}

// MemberRequest names whom to add: an id of somebody the caller sees, or an
// address, which is invited.
type MemberRequest struct {
	UserID string   `json:"user_id" format:"uuid"`
	Email  string   `json:"email" format:"email"`
	Role   string   `json:"role" doc:"member by default."`
	Roles  []string `json:"roles" doc:"Several instead of role."`
}

// MemberQuery is what the list of members takes.
type MemberQuery struct {
	web.PageQuery
	Q    string `json:"q" doc:"Beginnings of words of the name, or of the address for who runs the members."`
	Role string `json:"role" doc:"Only who holds it."`
}

// Members is a page of members, under both names that clients read.
type Members struct {
	Users      []shape.Member `json:"users"`
	Members    []shape.Member `json:"members"`
	TotalCount int64          `json:"total_count"`
	Page       int            `json:"page"`
	PageSize   int            `json:"page_size"`
	NextCursor *string        `json:"next_cursor"`
}

// RolesRequest is one role or several.
type RolesRequest struct {
	Role  string   `json:"role"`
	Roles []string `json:"roles"`
}

// writeMembers is the permission to change members and to see them fully.
const writeMembers = "write:members"

// add is POST /organizations/{org_id}/users.
func (h *Handler) add(w http.ResponseWriter, r *http.Request) error {
	o, holder, err := h.organization(r, "read:organization")
	if err != nil {
		return err
	}
	var in MemberRequest
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	if in.Role == "" {
		in.Role = access.Member
	}
	roles := roleList(in.Role, in.Roles)
	switch {
	case in.UserID != "":
		return h.addKnown(w, r, o, holder, in.UserID, roles)
	case in.Email == "":
		return fault.Field("email", "write an e-mail address, or a user_id")
	}
	if h.DirectMemberAdd {
		id, err := h.accountOf(r.Context(), in.Email)
		if err != nil {
			return err
		}
		if id != "" {
			return h.addAtOnce(w, r, o, holder, id, roles)
		}
	}
	i, err := h.Invitations.Create(r.Context(), h.inviter(r, holder), o.ID, org.Invite{
		Email: in.Email, Roles: roles, Locale: r.Header.Get("Accept-Language"),
	})
	if err != nil {
		return err
	}
	said := "Invitation sent"
	return web.WriteJSON(w, http.StatusCreated, shape.Member{
		Email: &i.Email, Role: shape.TopRole(i.Roles), Roles: i.Roles, Status: "invited", Message: &said, InvitationID: &i.ID,
	})
}

// addKnown adds somebody whom the caller can see already.
func (h *Handler) addKnown(w http.ResponseWriter, r *http.Request, o storage.Organization, holder access.Holder, userID string, roles []string) error {
	if err := h.must(r.Context(), holder, writeMembers); err != nil {
		return err
	}
	if uuid.Validate(userID) != nil {
		return fault.New(fault.UserNotFound, "there is no such user")
	}
	if _, _, err := h.Directory.Person(r.Context(), shape.CallerOf(r.Context()), userID, ""); err != nil {
		return err
	}
	return h.addAtOnce(w, r, o, holder, userID, roles)
}

func (h *Handler) addAtOnce(w http.ResponseWriter, r *http.Request, o storage.Organization, holder access.Holder, userID string, roles []string) error {
	if err := h.must(r.Context(), holder, writeMembers); err != nil {
		return err
	}
	m, err := h.Organizations.AddMember(r.Context(), holder, o.ID, userID, roles, "api")
	if err != nil {
		return err
	}
	return h.writeMember(w, r, http.StatusCreated, m, "User added to organization")
}

// accountOf is the id of the active account with this address, or empty.
func (h *Handler) accountOf(ctx context.Context, email string) (string, error) {
	canonical, err := user.Canonical(email)
	if err != nil {
		return "", fault.Field("email", "write an e-mail address")
	}
	u, err := h.Store.UserByEmail(ctx, canonical)
	switch {
	case errors.Is(err, storage.ErrNotFound), err == nil && u.Status != storage.UserActive:
		return "", nil
	case err != nil:
		return "", err
	}
	return u.ID, nil
}

// must answers fault.Forbidden unless the holder may do permission.
func (h *Handler) must(ctx context.Context, holder access.Holder, permission string) error {
	may, err := h.Directory.May(ctx, holder, permission)
	if err == nil && !may {
		err = fault.New(fault.Forbidden, "this needs the permission "+permission+" in the organization")
	}
	return err
}

func (h *Handler) writeMember(w http.ResponseWriter, r *http.Request, status int, m storage.Membership, said string) error {
	u, err := h.Store.UserByID(r.Context(), m.UserID)
	if err != nil {
		return err
	}
	out := h.Shape.MemberOf(storage.Member{Membership: m, User: u}, true)
	out.Message = &said
	return web.WriteJSON(w, status, out)
}

// Bounds of a search: its text, and how many of those it finds are looked
// through for somebody who sees names only.
const (
	maxSearch = 256
	maxFound  = 500
)

// members is GET /organizations/{org_id}/users.
func (h *Handler) members(w http.ResponseWriter, r *http.Request) error {
	o, holder, err := h.organization(r, "read:members")
	if err != nil {
		return err
	}
	p, err := paging(r)
	if err != nil {
		return err
	}
	full, err := h.Directory.May(r.Context(), holder, writeMembers)
	if err != nil {
		return err
	}
	search, role := r.URL.Query().Get("q"), r.URL.Query().Get("role")
	if len(search) > maxSearch {
		return fault.Field("query.q", "write at most 256 bytes")
	}
	if role != "" && !access.ValidRoleName(role) {
		return fault.Field("query.role", "write the name of a role")
	}
	q := storage.MemberQuery{
		OrganizationID: o.ID, Terms: user.Terms(search), Role: role, After: p.Cursor, Offset: p.Offset, Limit: p.Size,
	}
	var page []storage.Member
	var total int64
	switch {
	case search != "" && len(q.Terms) == 0: // nothing but punctuation: nobody is called so
	case search != "" && !full:
		page, total, err = h.byName(r.Context(), q)
	default:
		if page, err = h.Store.QueryMembers(r.Context(), q); err == nil {
			total, err = h.Store.CountMembers(r.Context(), q)
		}
	}
	if err != nil {
		return err
	}
	out := Members{Users: make([]shape.Member, 0, len(page)), TotalCount: total, Page: p.Page, PageSize: p.Size}
	last := ""
	for _, m := range page {
		out.Users, last = append(out.Users, h.Shape.MemberOf(m, full)), m.UserID
	}
	out.Members, out.NextCursor = out.Users, p.NextCursor(len(page), last)
	return h.Shape.WriteList(w, r, p, total, out.NextCursor, out.Users, out)
}

// byName searches for somebody who sees names only: what their terms find in
// an address does not count, or addresses could be spelled out letter by letter.
func (h *Handler) byName(ctx context.Context, q storage.MemberQuery) ([]storage.Member, int64, error) {
	wide := q
	wide.After, wide.Offset, wide.Limit = "", 0, maxFound
	found, err := h.Store.QueryMembers(ctx, wide)
	if err != nil {
		return nil, 0, err
	}
	found = slices.DeleteFunc(found, func(m storage.Member) bool { return !called(m.User, q.Terms) })
	total := int64(len(found))
	found = slices.DeleteFunc(found, func(m storage.Member) bool { return m.UserID <= q.After })
	from := min(q.Offset, len(found))
	return found[from:min(from+q.Limit, len(found))], total, nil
}

// called says whether every term begins a word of the names that colleagues see.
func called(u storage.User, terms []string) bool {
	var words []string
	for _, member := range []string{"name", "given_name", "family_name", "nickname"} {
		if s, ok := u.Profile[member].(string); ok {
			words = append(words, user.Terms(s)...)
		}
	}
	for _, t := range terms {
		if !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, t) }) {
			return false
		}
	}
	return true
}

// change is PATCH /organizations/{org_id}/users/{user_id}.
func (h *Handler) change(w http.ResponseWriter, r *http.Request) error {
	o, holder, err := h.organization(r, writeMembers)
	if err != nil {
		return err
	}
	id, _, err := memberID(r)
	if err != nil {
		return err
	}
	var in RolesRequest
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	m, err := h.Organizations.ChangeRoles(r.Context(), holder, o.ID, id, roleList(in.Role, in.Roles), "api")
	if err != nil {
		return err
	}
	return h.writeMember(w, r, http.StatusOK, m, "Roles changed")
}

// removeMember is DELETE /organizations/{org_id}/users/{user_id}.
func (h *Handler) removeMember(w http.ResponseWriter, r *http.Request) error {
	id, self, idErr := memberID(r)
	permission, reason, said := "delete:members", "removed", "User removed from organization"
	if self {
		permission, reason, said = "read:organization", "left", "You have left the organization"
	}
	o, holder, err := h.organization(r, permission)
	if err == nil {
		err = idErr
	}
	if err == nil {
		err = h.Organizations.RemoveMember(r.Context(), holder, o.ID, id, self, reason)
	}
	if err != nil {
		return err
	}
	return message(w, said)
}
