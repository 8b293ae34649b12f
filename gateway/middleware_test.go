package gateway

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestMiddleware(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	v := f.verifier(nil)
	good := "Bearer " + f.token(nil)
	old := "Bearer " + f.token(func(c map[string]any) { c["auth_time"] = time.Now().Add(-time.Hour).Unix() })
	tells := "Bearer " + f.token(func(c map[string]any) { c["permissions"] = []string{"read:invoice"} })
	for _, tt := range []struct {
		name          string
		required      []Requirement
		authorization []string
		verdict       string // of the server, if it is asked
		status        int
		challenge     string
	}{
		{"good", nil, []string{good}, "", 200, ""},
		{"scheme in another case", nil, []string{"bearer" + good[6:]}, "", 200, ""},
		{"nothing", nil, nil, "", 401, `Bearer realm="signet"`},
		{"another scheme", nil, []string{"Basic YTpi"}, "", 401, `Bearer realm="signet"`},
		{"two", nil, []string{good, good}, "", 400, `Bearer realm="signet", error="invalid_request", error_description="more than one Authorization header"`},
		{"none that is one", nil, []string{"Bearer x"}, "", 401, `Bearer realm="signet", error="invalid_token", error_description="the token is not valid here"`},
		{"scope", []Requirement{Scope("orders:read", "orders:write")}, []string{good}, "", 200, ""},
		{
			"scope it lacks",
			[]Requirement{Scope("orders:read", "orders:delete")},
			[]string{good},
			"", 403,
			`Bearer realm="signet", error="insufficient_scope", error_description="the token lacks scope orders:read orders:delete", scope="orders:read orders:delete"`,
		},
		{"one of two roles", []Requirement{Role("owner", "billing")}, []string{good}, "", 200, ""},
		{
			"a system role is none of an organization",
			[]Requirement{Role("user")},
			[]string{good},
			"", 403,
			`Bearer realm="signet", error="insufficient_scope", error_description="the token lacks role user"`,
		},
		{"organization by id", []Requirement{Organization("o1")}, []string{good}, "", 200, ""},
		{"organization by slug", []Requirement{Organization("acme")}, []string{good}, "", 200, ""},
		{
			"another organization",
			[]Requirement{Organization("globex")},
			[]string{good},
			"", 403,
			`Bearer realm="signet", error="insufficient_scope", error_description="the token lacks the organization"`,
		},
		{"acr reached", []Requirement{ACR("aal1")}, []string{good}, "", 200, ""},
		{
			"acr not reached",
			[]Requirement{ACR("aal2")},
			[]string{good},
			"", 401,
			`Bearer realm="signet", error="insufficient_user_authentication", error_description="a stronger or more recent authentication is required", acr_values="aal2"`,
		},
		{"recent", []Requirement{MaxAge(time.Minute)}, []string{good}, "", 200, ""},
		{
			"too long ago",
			[]Requirement{MaxAge(time.Minute)},
			[]string{old},
			"", 401,
			`Bearer realm="signet", error="insufficient_user_authentication", error_description="a stronger or more recent authentication is required", max_age="60"`,
		},
		{"permission in the token", []Requirement{Permission("read:invoice")}, []string{tells}, "503", 200, ""},
		{
			"permission not in the token",
			[]Requirement{Permission("write:invoice")},
			[]string{tells},
			"", 403,
			`Bearer realm="signet", error="insufficient_scope", error_description="the token lacks permission write:invoice"`,
		},
		{"permission by the server", []Requirement{Permission("write:invoice")}, []string{good}, "", 200, ""},
		{
			"no permission by the server",
			[]Requirement{Permission("write:invoice")},
			[]string{good},
			"insufficient", 403,
			`Bearer realm="signet", error="insufficient_scope", error_description="the token lacks permission write:invoice"`,
		},
		{"permission, nobody to ask", []Requirement{Permission("write:invoice")}, []string{good}, "503", 503, ""},
		{"staler than allowed here", []Requirement{Stale(time.Nanosecond, Refuse)}, []string{good}, "", 503, ""},
		{"staler, and accepted here", []Requirement{Stale(time.Nanosecond, Accept)}, []string{good}, "503", 200, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.set(func() { f.verdict = tt.verdict })
			var subject string
			h := v.Middleware(tt.required...)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if c, ok := FromContext(r.Context()); ok {
					subject = c.Subject
				}
			}))
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header["Authorization"] = tt.authorization
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tt.status || w.Header().Get("WWW-Authenticate") != tt.challenge {
				t.Errorf("%d %s", w.Code, w.Header().Get("WWW-Authenticate"))
			}
			if passed := subject == "ada"; passed != (tt.status == 200) {
				t.Errorf("subject %q", subject)
			}
			if tt.status != 200 {
				var body map[string]string
				if json.Unmarshal(w.Body.Bytes(), &body) != nil || body["error"] == "" || body["error_description"] == "" {
					t.Errorf("%s", w.Body)
				}
			}
		})
	}
	if _, ok := FromContext(t.Context()); ok {
		t.Error("claims without a token")
	}
}
