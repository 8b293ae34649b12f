package users

import (
	"context"
	"net/http"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
)

// ListQuery is the query of GET /users.
type ListQuery struct {
	Limit    int    `json:"limit"`
	Offset   int    `json:"offset"`
	Page     int    `json:"page"`
	PageSize int    `json:"page_size"`
	Cursor   string `json:"cursor"`
	Q        string `json:"q"`
}

// maxSearch bounds what is searched for, in bytes.
const maxSearch = 256

// list is GET /users: a bare list, as older clients read it; the header
// X-Total-Count says how many there are, Link where it goes on.
func (h *Handler) list(w http.ResponseWriter, r *http.Request) error {
	ctx, c := r.Context(), shape.CallerOf(r.Context())
	paging, err := web.ReadPaging(r)
	if err != nil {
		return err
	}
	q := storage.UserQuery{After: paging.Cursor, Offset: paging.Offset, Limit: paging.Size}
	search := r.URL.Query().Get("q")
	if len(search) > maxSearch {
		return fault.Field("query.q", "write at most 256 bytes")
	}
	if search != "" {
		if q.Terms = user.Terms(search); len(q.Terms) == 0 {
			// Nothing but punctuation: nobody is called so.
			return h.Shapes.WriteList(w, r, paging, 0, nil, []shape.User{}, nil)
		}
	}
	show := h.Shapes.PersonOf
	holder, err := h.Directory.Holder(ctx, c, "")
	if err != nil {
		return err
	}
	all, err := h.Directory.May(ctx, holder, "read:system:users")
	if err != nil {
		return err
	}
	if !all {
		if c.OrganizationID == "" {
			return fault.New(fault.Forbidden, "this is for administrators; the token has no active organization")
		}
		o, _, err := h.Directory.Organization(ctx, c, c.OrganizationID, "write:members")
		if err != nil {
			return err
		}
		q.OrganizationID, show = o.ID, h.memberPart
	}
	people, err := h.Store.QueryUsers(ctx, q)
	if err != nil {
		return err
	}
	total, err := h.count(ctx, q)
	if err != nil {
		return err
	}
	out := make([]shape.User, 0, len(people))
	last := ""
	for _, u := range people {
		out, last = append(out, show(u)), u.ID
	}
	return h.Shapes.WriteList(w, r, paging, total, paging.NextCursor(len(people), last), out, nil)
}

// count counts who matches. Members are counted in the index of memberships
// alone: who is deleted has none.
func (h *Handler) count(ctx context.Context, q storage.UserQuery) (int64, error) {
	if q.OrganizationID != "" {
		return h.Store.CountMembers(ctx, storage.MemberQuery{OrganizationID: q.OrganizationID, Terms: q.Terms})
	}
	return h.Store.CountUsers(ctx, q)
}
