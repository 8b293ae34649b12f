package shape

import (
	"net/http"

	"github.com/signet-idp/signet/endpoints/web"
)

// WriteList answers with one page of a list: X-Total-Count and Link, and the
// whole object, or only its items where the switch legacy.list_shape=array says
// so. object nil: the route's lists are bare by default. items is a slice that
// is not nil.
func (o Options) WriteList(w http.ResponseWriter, r *http.Request, p web.Paging, total int64, next *string, items, object any) error {
	p.Describe(w, r, total, deref(next))
	if object == nil || o.BareLists {
		return web.WriteJSON(w, http.StatusOK, items)
	}
	return web.WriteJSON(w, http.StatusOK, object)
}
