package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
	"pgregory.net/rapid"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// fixture mounts routes with everything faked and keeps the log.
type fixture struct {
	http.Handler
	log *bytes.Buffer
}

func mount(t *testing.T, change func(*Options), routes ...Route) *fixture {
	t.Helper()
	f := &fixture{log: &bytes.Buffer{}}
	o := Options{
		Issuer: "https://id.example.com",
		Clock:  fakeclock.New(epoch),
		Logger: slog.New(slog.NewJSONHandler(f.log, nil)),
		Random: strings.NewReader("12345678"),
	}
	if change != nil {
		change(&o)
	}
	table := NewTable()
	table.Add(routes...)
	h, err := table.Mount(o)
	if err != nil {
		t.Fatal(err)
	}
	f.Handler = h
	return f
}

func (f *fixture) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, target, reader)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		if headers[i] == "peer" {
			r.RemoteAddr = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

func (f *fixture) lastLine(t *testing.T) map[string]any {
	t.Helper()
	lines := bytes.Split(bytes.TrimSpace(f.log.Bytes()), []byte("\n"))
	var line map[string]any
	if err := json.Unmarshal(lines[len(lines)-1], &line); err != nil {
		t.Fatalf("log line: %v: %s", err, f.log.String())
	}
	return line
}

func echo(w http.ResponseWriter, r *http.Request) error {
	_, err := fmt.Fprintf(w, "%s %s %s", r.Method, r.PathValue("id"), r.PathValue("user_id"))
	return err
}

func fails(err error) HandlerFunc {
	return func(http.ResponseWriter, *http.Request) error { return err }
}

func get(name, path string, h HandlerFunc) Route {
	return Route{Name: name, Methods: []string{"GET"}, Path: path, Auth: Public(), Handler: h}
}

func TestMountRefusesMistakes(t *testing.T) {
	ok := get("ok", "/ok", echo)
	cases := map[string]struct {
		change func(*Route)
		want   string
	}{
		"no authorization rule": {func(r *Route) { r.Auth = Auth{} }, "no authorization rule"},
		"no handler":            {func(r *Route) { r.Handler = nil }, "exactly one of"},
		"no method":             {func(r *Route) { r.Methods = nil }, "no method"},
		"lower case method":     {func(r *Route) { r.Methods = []string{"get"} }, "upper case"},
		"explicit HEAD":         {func(r *Route) { r.Methods = []string{"HEAD"} }, "come by themselves"},
		"no name":               {func(r *Route) { r.Name = "" }, "name is empty"},
		"relative path":         {func(r *Route) { r.Path = "ok" }, "must begin with /"},
		"trailing slash":        {func(r *Route) { r.Path = "/ok/" }, "not end with one"},
		"silent HandlerChecks":  {func(r *Route) { r.Auth = HandlerChecks("") }, "needs a reason"},
		"guarded document": {func(r *Route) {
			r.Handler, r.Prepared, r.Auth = nil, func() *Prepared { return nil }, Bearer("x")
		}, "a prepared document is"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := ok
			c.change(&r)
			table := NewTable()
			table.Add(r)
			_, err := table.Mount(Options{Issuer: "https://id.example.com", Clock: fakeclock.New(epoch)})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	t.Run("two routes on one path and method", func(t *testing.T) {
		table := NewTable()
		table.Add(get("a", "/x/{id}", echo), get("b", "/x/{other}", echo))
		if _, err := table.Mount(Options{Issuer: "https://id.example.com", Clock: fakeclock.New(epoch)}); err == nil || !strings.Contains(err.Error(), "served by") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("one path with two variable names", func(t *testing.T) {
		b := get("b", "/x/{other}", echo)
		b.Methods = []string{"DELETE"}
		table := NewTable()
		table.Add(get("a", "/x/{id}", echo), b)
		if _, err := table.Mount(Options{Issuer: "https://id.example.com", Clock: fakeclock.New(epoch)}); err == nil || !strings.Contains(err.Error(), "variables") {
			t.Errorf("got %v", err)
		}
	})
}

func TestMatching(t *testing.T) {
	legacy := func(r Route) Route { r.Legacy = true; return r }
	post := get("post", "/users/profile", echo)
	post.Methods = []string{"POST"}
	f := mount(t, func(o *Options) { o.BarePrefix = true },
		legacy(get("list", "/users", echo)), legacy(get("read", "/users/{id}", echo)), legacy(post),
		legacy(get("member", "/users/{id}/roles/{user_id}", echo)),
		legacy(get("me", "/auth/me", echo)),
		get("rest", "/auth/validate/ext-authz/{id}/{user_id:.*}", echo),
		get("plain", "/oauth2/userinfo", echo), get("root", "/", echo))
	cases := map[string]struct {
		method, target string
		status         int
		body           string
	}{
		"fixed":                          {"GET", "/users", 200, "GET  "},
		"fixed with slash":               {"GET", "/users/", 200, "GET  "},
		"variable":                       {"GET", "/users/7", 200, "GET 7 "},
		"variable with slash":            {"GET", "/users/7/", 200, "GET 7 "},
		"versioned":                      {"GET", "/api/v1/users/7/", 200, "GET 7 "},
		"two variables":                  {"GET", "/users/7/roles/8", 200, "GET 7 8"},
		"rest of the path":               {"GET", "/auth/validate/ext-authz/g/a/b", 200, "GET g a/b"},
		"fixed beats variable":           {"POST", "/users/profile", 200, "POST  "},
		"query is no part of it":         {"GET", "/users/7?a=/b", 200, "GET 7 "},
		"bare prefix":                    {"GET", "/me", 200, "GET  "},
		"bare prefix is for legacy only": {"GET", "/validate/ext-authz/g/x", 404, ""},
		"root":                           {"GET", "/", 200, "GET  "},
		"double slash":                   {"GET", "/users//", 404, ""},
		"not legacy, so not versioned":   {"GET", "/api/v1/oauth2/userinfo", 404, ""},
		"version is a whole segment":     {"GET", "/api/v1users", 404, ""},
		"unknown":                        {"GET", "/nothing", 404, ""},
		"encoded slash is no separator":  {"GET", "/users/a%2Fb/x", 404, ""},
		"dots are not cleaned":           {"GET", "/users/7/../8", 404, ""},
		"method not allowed":             {"DELETE", "/users/7", 405, ""},
		"method not allowed, fixed":      {"GET", "/users/profile", 405, ""},
		"made-up method":                 {"FROB", "/users/7", 405, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := f.do(c.method, c.target, "")
			if w.Code != c.status {
				t.Fatalf("status %d, want %d: %s", w.Code, c.status, w.Body)
			}
			if c.status == 200 && w.Body.String() != c.body {
				t.Errorf("body %q, want %q", w.Body, c.body)
			}
			if c.status == 405 && !strings.Contains(w.Header().Get("Allow"), "OPTIONS") {
				t.Errorf("Allow %q", w.Header().Get("Allow"))
			}
		})
	}
	if w := f.do("HEAD", "/users/7", ""); w.Code != 200 {
		t.Errorf("HEAD: %d", w.Code)
	}
	if w := f.do("OPTIONS", "/users/7", ""); w.Code != 204 || w.Header().Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Errorf("OPTIONS: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestIssuerWithAPath(t *testing.T) {
	f := mount(t, func(o *Options) { o.Issuer = "https://example.com/id" }, get("list", "/users", echo), get("root", "/", echo))
	for target, status := range map[string]int{"/id/users": 200, "/users": 200, "/id/": 200, "/id": 200, "/idusers": 404, "/id/id/users": 404} {
		if w := f.do("GET", target, ""); w.Code != status {
			t.Errorf("%s: %d, want %d", target, w.Code, status)
		}
	}
}

func TestErrorShapes(t *testing.T) {
	secret := errors.New("pq: password=hunter2")
	styled := func(name string, s Style, err error) Route {
		r := get(name, "/"+name, fails(err))
		r.Style = s
		return r
	}
	f := mount(t, nil,
		styled("conflict", JSON, fmt.Errorf("register: %w", fault.New(fault.EmailTaken, "e-mail already registered"))),
		styled("invalid", JSON, &fault.Error{Code: fault.Invalid, Message: "bad", Fields: []fault.FieldError{{Field: "address.city", Message: "required", Type: "missing"}}}),
		styled("internal", JSON, secret),
		styled("away", JSON, fmt.Errorf("read: %w", storage.ErrUnavailable)),
		styled("late", JSON, fmt.Errorf("read: %w", context.DeadlineExceeded)),
		styled("locked", JSON, fault.New(fault.AccountLocked, "locked").Retry(1500*time.Millisecond)),
		styled("expired", JSON, fault.New(fault.TokenExpired, "expired")),
		styled("grant", OAuth, NewOAuthError(400, "invalid_grant", "the code is used")),
		styled("client", OAuth, NewOAuthError(401, "invalid_client", "")),
		styled("oauthinternal", OAuth, secret),
		styled("page", Page, fault.New(fault.Malformed, "redirect_uri is missing")),
	)
	cases := map[string]struct {
		path    string
		status  int
		body    string
		headers map[string]string
	}{
		"coded conflict": {"/conflict", 409, `{"detail":"e-mail already registered","error_code":"USER_002","request_id":"req-12345","timestamp":"2026-01-02T03:04:05.000000Z"}`, nil},
		"422 is a list":  {"/invalid", 422, `{"detail":[{"loc":["body","address","city"],"msg":"required","type":"missing"}],"error_code":"REQ_001","request_id":"req-12345","timestamp":"2026-01-02T03:04:05.000000Z"}`, nil},
		"locked":         {"/locked", 423, `{"detail":"locked","error_code":"AUTH_008","request_id":"req-12345","timestamp":"2026-01-02T03:04:05.000000Z"}`, map[string]string{"Retry-After": "2"}},
		"401 challenges": {"/expired", 401, `{"detail":"expired","error_code":"AUTH_002","request_id":"req-12345","timestamp":"2026-01-02T03:04:05.000000Z"}`, map[string]string{"WWW-Authenticate": `Bearer error="invalid_token"`}},
		"oauth":          {"/grant", 400, `{"error":"invalid_grant","error_description":"the code is used"}`, map[string]string{"Cache-Control": "no-store"}},
		"invalid_client": {"/client", 401, `{"error":"invalid_client"}`, map[string]string{"WWW-Authenticate": `Basic realm="signet"`}},
		"page":           {"/page", 400, "redirect_uri is missing", map[string]string{"WWW-Authenticate": ""}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := f.do("GET", c.path, "", "X-Request-ID", "req-12345")
			if w.Code != c.status || strings.TrimSpace(w.Body.String()) != c.body {
				t.Errorf("got %d %s\nwant %d %s", w.Code, w.Body, c.status, c.body)
			}
			for k, v := range c.headers {
				if got := w.Header().Get(k); got != v {
					t.Errorf("%s: %q, want %q", k, got, v)
				}
			}
		})
	}
	for _, path := range []string{"/internal", "/oauthinternal"} {
		w := f.do("GET", path, "")
		line := f.lastLine(t)
		if w.Code != 500 || strings.Contains(w.Body.String(), "hunter2") {
			t.Errorf("%s leaks or has a wrong status: %d %s", path, w.Code, w.Body)
		}
		id, _ := line["error_id"].(string)
		if id == "" || !strings.Contains(w.Body.String(), id) || !strings.Contains(fmt.Sprint(line["error"]), "hunter2") {
			t.Errorf("%s: the log must say all and the answer only its id: %v / %s", path, line, w.Body)
		}
	}
	for _, path := range []string{"/away", "/late"} {
		if w := f.do("GET", path, ""); w.Code != 503 || w.Header().Get("Retry-After") != "2" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
}

func TestEveryFaultHasAMeaning(t *testing.T) {
	for c := fault.Code(0); c < fault.Codes; c++ {
		m := meanings(c)
		if c != fault.Internal && m.status == 500 {
			t.Errorf("%v has no meaning of its own", c)
		}
		e := toError(fault.New(c, ""))
		if e.Detail == "" || e.Status < 400 || e.Code == "" || e.OAuth == "" {
			t.Errorf("%v: %+v", c, e)
		}
	}
}

func TestPanicIsAnAnswer(t *testing.T) {
	f := mount(t, nil, get("boom", "/boom", func(http.ResponseWriter, *http.Request) error { panic("kaboom") }),
		get("abort", "/abort", func(http.ResponseWriter, *http.Request) error { panic(http.ErrAbortHandler) }))
	w := f.do("GET", "/boom", "")
	if w.Code != 500 || strings.Contains(w.Body.String(), "kaboom") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if log := f.log.String(); !strings.Contains(log, "kaboom") || !strings.Contains(log, "frame_test.go") {
		t.Errorf("the log lacks the panic or its stack: %s", log)
	}
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
			t.Error("ErrAbortHandler must reach net/http")
		}
	}()
	f.do("GET", "/abort", "")
}

func TestRequestIDs(t *testing.T) {
	f := mount(t, nil, get("a", "/a", echo))
	for name, c := range map[string]struct {
		sent string
		kept bool
	}{
		"kept":        {"0198-abcd.efgh", true},
		"too short":   {"1234567", false},
		"too long":    {strings.Repeat("a", 129), false},
		"a space":     {"abcd efgh", false},
		"a quote":     {`abcdefgh"`, false},
		"a line feed": {"abcdefgh\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			got := f.do("GET", "/a", "", "X-Request-ID", c.sent).Header().Get("X-Request-ID")
			if (got == c.sent) != c.kept || !validRequestID(got) {
				t.Errorf("sent %q, got %q", c.sent, got)
			}
		})
	}
	one, two := f.do("GET", "/a", "").Header().Get("X-Request-ID"), f.do("GET", "/a", "").Header().Get("X-Request-ID")
	if one == two {
		t.Errorf("two requests share the id %q", one)
	}
}

func TestLogLine(t *testing.T) {
	r := get("a", "/things/{id}", func(w http.ResponseWriter, r *http.Request) error {
		Log(r.Context()).Event("thing_read").User("u1").Org("o1").Client("c1").Session("s1").Grant("refresh_token").
			Set(slog.String("method", "password"))
		return NoContent(w)
	})
	quiet := get("q", "/quiet", echo)
	quiet.Quiet = true
	f := mount(t, nil, r, quiet)
	f.do("GET", "/things/7?code=SECRET", "", "User-Agent", strings.Repeat("é", 200), "X-Request-ID", "req-12345", "peer", "192.0.2.7:99")
	line := f.lastLine(t)
	want := map[string]any{
		"level": "INFO", "msg": "request", "time": "2026-01-02T03:04:05Z", "event": "thing_read", "request_id": "req-12345",
		"http.request.method": "GET", "http.route": "/things/{id}", "http.response.status_code": 204.0,
		"duration_ms": 0.0, "client.address": "192.0.2.7", "user_agent.original": strings.Repeat("é", 100),
		"user_id": "u1", "org_id": "o1", "client_id": "c1", "session_id": hashed("s1"), "grant": "refresh_token", "method": "password",
	}
	for k, v := range want {
		if line[k] != v {
			t.Errorf("%s: %v, want %v", k, line[k], v)
		}
		delete(line, k)
	}
	if len(line) != 0 {
		t.Errorf("unexpected fields: %v", line)
	}
	if strings.Contains(f.log.String(), "SECRET") || strings.Contains(f.log.String(), `"s1"`) {
		t.Errorf("the query or the session id leaks: %s", f.log)
	}
	f.log.Reset()
	f.do("GET", "/quiet", "")
	if f.log.Len() != 0 {
		t.Errorf("a quiet route wrote %s", f.log)
	}
}

func TestLogOutsideTheFrame(t *testing.T) {
	Log(t.Context()).Event("x").User("u").Org("o").Client("c").Session("s").Grant("g").Set(slog.Int("n", 1))
	if RequestID(t.Context()) != "" || ClientAddr(t.Context()).IsValid() || PrincipalFrom(t.Context()) != nil {
		t.Error("a context of no request must know nothing")
	}
}

func TestClientAddress(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	cases := map[string]struct {
		peer, xff, forwarded, want string
	}{
		"no proxy":                         {"192.0.2.1:1", "", "", "192.0.2.1"},
		"stranger's header is ignored":     {"192.0.2.1:1", "198.51.100.9", "", "192.0.2.1"},
		"one proxy":                        {"10.0.0.1:1", "198.51.100.9", "", "198.51.100.9"},
		"spoofed first hop":                {"10.0.0.1:1", "1.2.3.4, 198.51.100.9", "", "198.51.100.9"},
		"two proxies":                      {"10.0.0.1:1", "198.51.100.9, 10.0.0.2", "", "198.51.100.9"},
		"only proxies":                     {"10.0.0.1:1", "10.0.0.3, 10.0.0.2", "", "10.0.0.3"},
		"garbage":                          {"10.0.0.1:1", "unknown", "", "10.0.0.1"},
		"garbage left of the client":       {"10.0.0.1:1", "junk, 198.51.100.9", "", "198.51.100.9"},
		"with port":                        {"10.0.0.1:1", "198.51.100.9:4711", "", "198.51.100.9"},
		"IPv6 in brackets":                 {"[fd00::1]:1", "[2001:db8::5]", "", "2001:db8::5"},
		"mapped IPv4":                      {"[::ffff:10.0.0.1]:1", "::ffff:198.51.100.9", "", "198.51.100.9"},
		"Forwarded":                        {"10.0.0.1:1", "", `for=1.2.3.4, for="[2001:db8::5]:99";proto=https`, "2001:db8::5"},
		"Forwarded twice for":              {"10.0.0.1:1", "", `for=1.2.3.4;for=5.6.7.8`, "10.0.0.1"},
		"obfuscated":                       {"10.0.0.1:1", "", `for=_hidden`, "10.0.0.1"},
		"both agree":                       {"10.0.0.1:1", "198.51.100.9", "for=198.51.100.9", "198.51.100.9"},
		"both differ: one is the client's": {"10.0.0.1:1", "198.51.100.9", "for=1.1.1.1", "10.0.0.1"},
		"too many hops":                    {"10.0.0.1:1", "198.51.100.9" + strings.Repeat(", 10.0.0.2", 40), "", "10.0.0.1"},
		"too long":                         {"10.0.0.1:1", strings.Repeat(" ", 3000) + "198.51.100.9", "", "10.0.0.1"},
		"unix socket":                      {"@", "198.51.100.9", "", "invalid IP"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := &frame{o: Options{TrustedProxies: proxies}}
			r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			r.RemoteAddr = c.peer
			if c.xff != "" {
				r.Header.Set("X-Forwarded-For", c.xff)
			}
			if c.forwarded != "" {
				r.Header.Set("Forwarded", c.forwarded)
			}
			if got := f.clientAddr(r).String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// What a client writes into the headers never decides its address: hops put
// before a proxy's own entry change nothing.
func TestSpoofedHopsChangeNothing(t *testing.T) {
	f := &frame{o: Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
	address := rapid.Custom(func(t *rapid.T) string {
		return netip.AddrFrom4([4]byte{rapid.Byte().Draw(t, "a"), rapid.Byte().Draw(t, "b"), 0, 1}).String()
	})
	rapid.Check(t, func(t *rapid.T) {
		client := netip.AddrFrom4([4]byte{192, 0, 2, rapid.Byte().Draw(t, "client")})
		chain := client.String() + strings.Repeat(", 10.1.1.1", rapid.IntRange(0, 5).Draw(t, "proxies"))
		spoofed := rapid.SliceOfN(rapid.OneOf(address, rapid.StringMatching(`[ -+\--~]{0,20}`)), 0, 10).Draw(t, "spoofed")
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = "10.0.0.1:1"
		r.Header.Set("X-Forwarded-For", strings.Join(append(spoofed, chain), ","))
		if got := f.clientAddr(r); got != client {
			t.Fatalf("%q gave %s, want %s", r.Header.Get("X-Forwarded-For"), got, client)
		}
	})
}

func TestStreams(t *testing.T) {
	proceed := make(chan struct{})
	stream := get("stream", "/stream", func(w http.ResponseWriter, r *http.Request) error {
		if _, limited := r.Context().Deadline(); limited {
			return errors.New("a stream has a deadline")
		}
		rc := http.NewResponseController(w)
		if err := rc.SetWriteDeadline(time.Time{}); err != nil {
			return err
		}
		_, _ = io.WriteString(w, "first\n")
		if err := rc.Flush(); err != nil {
			return err
		}
		<-proceed
		return errors.New("too late to answer")
	})
	stream.Timeout = -1
	plain := get("plain", "/plain", func(w http.ResponseWriter, r *http.Request) error {
		if _, limited := r.Context().Deadline(); !limited {
			return errors.New("no deadline")
		}
		return NoContent(w)
	})
	server := httptest.NewServer(mount(t, nil, stream, plain))
	defer server.Close()
	resp, err := server.Client().Get(server.URL + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 6)
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "first\n" {
		t.Fatalf("%q %v", first, err)
	}
	close(proceed)
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 {
		t.Errorf("an error after the first byte must not be written into the stream: %q %v", rest, err)
	}
	again, err := server.Client().Get(server.URL + "/plain")
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Body.Close()
	if again.StatusCode != http.StatusNoContent {
		t.Errorf("status %d", again.StatusCode)
	}
}
