package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/fault"
)

func TestDecodePatch(t *testing.T) {
	t.Parallel()
	type inner struct {
		City *string `json:"city"`
	}
	type request struct {
		Name *string        `json:"name"`
		Size *string        `json:"size"`
		Old  *string        `json:"old_size" alias:"size"`
		In   *inner         `json:"address"`
		Any  map[string]any `json:"settings"`
	}
	for _, c := range []struct {
		name, body string
		want       map[string]any
	}{
		{"nothing", `{}`, map[string]any{}},
		{"null is not absent", `{"name":null}`, map[string]any{"name": nil}},
		{"by an alias", `{"old_size":"5"}`, map[string]any{"size": "5"}},
		{"removed by an alias", `{"old_size":null}`, map[string]any{"size": nil}},
		{"the name goes first", `{"size":"6","old_size":"5"}`, map[string]any{"size": "6"}},
		{"unless it is empty", `{"size":"","old_size":"5"}`, map[string]any{"size": "5"}},
		{"objects as they are", `{"address":{"city":"X"},"settings":{"a":[1]}}`, map[string]any{
			"address": map[string]any{"city": "X"}, "settings": map[string]any{"a": []any{1.0}},
		}},
		{"a wrong type", `{"name":1}`, nil},
		{"in an object", `{"address":{"city":1}}`, nil},
		{"no object", `[]`, nil},
		{"null", `null`, nil},
		{"no body", ``, nil},
		{"twice", `{"name":"a","name":"b"}`, nil},
	} {
		var v request
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPatch, "/", strings.NewReader(c.body))
		got, err := web.DecodePatch(r, &v)
		if c.want == nil {
			if !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Malformed) {
				t.Errorf("%s: %v %v", c.name, got, err)
			}
			continue
		}
		if err != nil || !cmp.Equal(got, c.want) {
			t.Errorf("%s: %v %v", c.name, got, err)
		}
	}
}
