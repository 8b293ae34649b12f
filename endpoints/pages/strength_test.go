package pages

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/provider/account"
	"github.com/signet-idp/signet/provider/user/password"
)

// oneClass is a limiter that lets n requests of a class through.
type oneClass struct {
	class string
	n     int
}

func (l *oneClass) Take(_ context.Context, class string, _ netip.Addr) web.Decision {
	if class != l.class {
		return web.Decision{}
	}
	l.n--
	return web.Decision{Limit: 1, Denied: l.n < 0}
}

func (l *oneClass) TakeSubject(context.Context, string, string) web.Decision { return web.Decision{} }

// strengthServer serves the one route, and its log.
func strengthServer(t *testing.T, limit int) (http.Handler, *bytes.Buffer) {
	t.Helper()
	policy := password.NewPolicy(0)
	policy.Words = []string{"signet"}
	a := &Accounts{Interaction: &Interaction{Renderer: newRenderer(t, Options{})}, Account: account.New(account.Deps{Policy: policy})}
	table := web.NewTable()
	table.Add(a.strengthRoute())
	var log bytes.Buffer
	h, err := table.Mount(web.Options{
		Issuer: "https://id.test", Clock: fakeclock.New(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), Pages: a, Limiter: &oneClass{web.RateStrength, limit},
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return h, &log
}

func askStrength(h http.Handler, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "https://id.test"+PathStrength, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestStrengthRoute(t *testing.T) {
	h, log := strengthServer(t, 100)
	question := func(pw, email string) string {
		raw, err := json.Marshal(StrengthQuestion{Password: pw, Email: email})
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	for _, tc := range []struct {
		name, body string
		want       string
	}{
		{"common", question("password1", ""), `{"score":0}`},
		{"own address", question("caterpillar7", "caterpillar@example.com"), `{"score":0}`},
		{"somebody else's", question("caterpillar7", "alice@example.com"), `{"score":1}`},
		{"strong", question("jv8#Kd91!qpZ", ""), `{"score":4}`},
		{"longest", question(strings.Repeat("\x01", password.MaxLength), ""), `{"score":0}`},
		{"empty", question("", ""), `{"score":0}`},
		{"an address without end", question("jv8#Kd91!qpZ", strings.Repeat("x", 900)), `{"score":4}`},
	} {
		w := askStrength(h, tc.body)
		if w.Code != 200 || strings.TrimSpace(w.Body.String()) != tc.want {
			t.Errorf("%s: %d %s", tc.name, w.Code, w.Body)
		}
		if got := w.Header().Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q", tc.name, got)
		}
	}
	for _, secret := range []string{"caterpillar", "jv8"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %s:\n%s", secret, log)
		}
	}
}

func TestStrengthRouteRefuses(t *testing.T) {
	h, log := strengthServer(t, 100)
	body := `{"password":"jv8#Kd91!qpZ","email":""}`
	for _, tc := range []struct {
		name, body string
		header     []string
		want       int
	}{
		{"another site", body, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"another origin", body, []string{"Sec-Fetch-Site", "", "Origin", "https://elsewhere.test"}, 403},
		{"a form", "password=jv8", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		{"text", body, []string{"Content-Type", "text/plain"}, 415},
		{"too long", `{"password":"` + strings.Repeat("x", maxStrength) + `"}`, nil, 413},
		{"nothing", "", nil, 422},
		{"no JSON", `{"password":`, nil, 422},
		{"another member", `{"password":"jv8#Kd91!qpZ","token":"x"}`, nil, 422},
		{"twice", `{"password":"jv8#Kd91!qpZ","password":"x"}`, nil, 422},
	} {
		w := askStrength(h, tc.body, tc.header...)
		if w.Code != tc.want || strings.Contains(w.Body.String(), "jv8") {
			t.Errorf("%s: %d, want %d\n%s", tc.name, w.Code, tc.want, w.Body)
		}
	}
	if strings.Contains(log.String(), "jv8") {
		t.Errorf("the log holds a password:\n%s", log)
	}
	h, _ = strengthServer(t, 1)
	if first, second := askStrength(h, body), askStrength(h, body); first.Code != 200 || second.Code != 429 {
		t.Errorf("limit: %d, then %d", first.Code, second.Code)
	}
}
