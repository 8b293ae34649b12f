package shape_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
)

func TestWriteList(t *testing.T) {
	items, object := []int{1, 2}, map[string][]int{"numbers": {1, 2}}
	for _, c := range []struct {
		name   string
		bare   bool
		object any
		want   string
	}{
		{"an object", false, object, "{\"numbers\":[1,2]}\n"},
		{"the switch", true, object, "[1,2]\n"},
		{"bare by default", false, nil, "[1,2]\n"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/numbers?q=a&page=1", nil)
		w := httptest.NewRecorder()
		next := "2"
		if err := (shape.Options{BareLists: c.bare}).WriteList(w, r, web.Paging{Page: 1, Size: 2}, 7, &next, items, c.object); err != nil {
			t.Fatal(err)
		}
		if w.Body.String() != c.want || w.Header().Get("X-Total-Count") != "7" ||
			w.Header().Get("Link") != `</numbers?cursor=2&page_size=2&q=a>; rel="next"` {
			t.Errorf("%s: %s %v", c.name, w.Body, w.Header())
		}
	}
}
