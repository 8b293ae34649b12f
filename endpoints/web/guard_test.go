package web

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/provider/fault"
)

type tokens map[string]Principal

func (m tokens) Authenticate(_ context.Context, token string) (Principal, error) {
	p, ok := m[token]
	if !ok {
		return Principal{}, fault.New(fault.TokenRevoked, "the token was revoked")
	}
	return p, nil
}

type browser map[string]Principal

func (m browser) AuthenticateSession(r *http.Request) (Principal, error) {
	c, err := r.Cookie("s")
	if err != nil {
		return Principal{}, fault.New(fault.Unauthenticated, "sign in first")
	}
	return m[c.Value], nil
}

func TestAuthorization(t *testing.T) {
	who := func(w http.ResponseWriter, r *http.Request) error {
		if p := PrincipalFrom(r.Context()); p != nil {
			_, _ = w.Write([]byte(p.Subject))
		}
		return nil
	}
	rule := func(name string, a Auth, s Style) Route {
		r := get(name, "/"+name, who)
		r.Auth, r.Style = a, s
		return r
	}
	f := mount(t, func(o *Options) {
		o.Authenticator = tokens{
			"own":     {Subject: "alice", Scopes: []string{"account"}, ForIssuer: true},
			"foreign": {Subject: "alice", Scopes: []string{"account", "openid"}},
			"ops":     {Subject: "ops", Scopes: []string{"metrics:read"}, ForIssuer: true},
		}
		o.Sessions = browser{"1": {Subject: "bob"}}
	},
		rule("public", Public(), JSON), rule("account", Bearer("account"), JSON), rule("userinfo", BearerAnyAudience("openid"), OAuth),
		rule("session", BrowserSession(), JSON), rule("local", Loopback(), JSON), rule("metrics", LoopbackOrBearer("metrics:read"), JSON))
	cases := map[string]struct {
		path      string
		headers   []string
		status    int
		body      string
		challenge string
	}{
		"public":                 {"/public", nil, 200, "", ""},
		"good":                   {"/account", []string{"Authorization", "Bearer own"}, 200, "alice", ""},
		"scheme in any case":     {"/account", []string{"Authorization", "bearer own"}, 200, "alice", ""},
		"no credential":          {"/account", nil, 401, "", `Bearer error="invalid_token"`},
		"no credential, OAuth":   {"/userinfo", nil, 401, "", `Bearer`},
		"other scheme":           {"/account", []string{"Authorization", "Basic own"}, 401, "", `Bearer error="invalid_token"`},
		"not a token":            {"/account", []string{"Authorization", "Bearer a b"}, 401, "", `Bearer error="invalid_token"`},
		"empty token":            {"/account", []string{"Authorization", "Bearer "}, 401, "", `Bearer error="invalid_token"`},
		"huge token":             {"/account", []string{"Authorization", "Bearer " + strings.Repeat("a", 9000)}, 401, "", `Bearer error="invalid_token"`},
		"revoked":                {"/account", []string{"Authorization", "Bearer gone"}, 401, "", `Bearer error="invalid_token"`},
		"token for another API":  {"/account", []string{"Authorization", "Bearer foreign"}, 401, "", `Bearer error="invalid_token"`},
		"lacks the scope":        {"/account", []string{"Authorization", "Bearer ops"}, 403, "", `Bearer error="insufficient_scope", error_description="the token lacks the scope account", scope="account"`},
		"userinfo takes any aud": {"/userinfo", []string{"Authorization", "Bearer foreign"}, 200, "alice", ""},
		"userinfo needs openid":  {"/userinfo", []string{"Authorization", "Bearer own"}, 403, "", `Bearer error="insufficient_scope", error_description="the token lacks the scope openid", scope="openid"`},
		"query is no credential": {"/account?access_token=own", nil, 401, "", `Bearer error="invalid_token"`},
		"session":                {"/session", []string{"Cookie", "s=1"}, 200, "bob", ""},
		"no session":             {"/session", nil, 401, "", `Bearer error="invalid_token"`},
		"loopback":               {"/local", []string{"peer", "127.0.0.1:9"}, 200, "", ""},
		"loopback IPv6":          {"/local", []string{"peer", "[::1]:9"}, 200, "", ""},
		"behind a local proxy":   {"/local", []string{"peer", "127.0.0.1:9", "X-Forwarded-For", "127.0.0.1"}, 403, "", ""},
		"from elsewhere":         {"/local", []string{"peer", "192.0.2.1:9"}, 403, "", ""},
		"metrics, loopback":      {"/metrics", []string{"peer", "127.0.0.1:9"}, 200, "", ""},
		"metrics, token":         {"/metrics", []string{"peer", "192.0.2.1:9", "Authorization", "Bearer ops"}, 200, "ops", ""},
		"metrics, wrong token":   {"/metrics", []string{"peer", "192.0.2.1:9", "Authorization", "Bearer own"}, 403, "", `Bearer error="insufficient_scope", error_description="the token lacks the scope metrics:read", scope="metrics:read"`},
		"metrics, local proxy":   {"/metrics", []string{"peer", "127.0.0.1:9", "Forwarded", "for=1.2.3.4"}, 401, "", `Bearer error="invalid_token"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := f.do("GET", c.path, "", c.headers...)
			if w.Code != c.status || c.status == 200 && w.Body.String() != c.body {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
			if got := w.Header().Get("WWW-Authenticate"); got != c.challenge {
				t.Errorf("challenge %q, want %q", got, c.challenge)
			}
		})
	}
}

func TestRulesWithoutTheirVerifierLetNobodyIn(t *testing.T) {
	a, b := get("a", "/a", echo), get("b", "/b", echo)
	a.Auth, b.Auth = Bearer(), BrowserSession()
	f := mount(t, nil, a, b)
	if w := f.do("GET", "/a", "", "Authorization", "Bearer x"); w.Code != 503 {
		t.Errorf("bearer: %d", w.Code)
	}
	if w := f.do("GET", "/b", ""); w.Code != 503 {
		t.Errorf("session: %d", w.Code)
	}
}

func TestDevelopmentHost(t *testing.T) {
	doc := get("doc", "/doc", nil)
	doc.Prepared = func() *Prepared { return NewPrepared("text/plain", "no-cache", []byte("x")) }
	f := mount(t, func(o *Options) { o.Development, o.Issuer = true, "http://signet.test:8001" }, get("a", "/a", echo), doc)
	for host, status := range map[string]int{
		"signet.test:8001": 200, "SIGNET.test:8001": 200, "localhost:8001": 200, "127.0.0.1:9": 200, "[::1]:8001": 200, "localhost": 200,
		"evil.example:8001": 421, "signet.test": 421, "localhost.evil.example": 421, "192.0.2.1:8001": 421, "": 421,
	} {
		for _, path := range []string{"/a", "/doc"} {
			if w := f.do("GET", path, "", "Host", host); w.Code != status {
				t.Errorf("Host %q at %s: %d, want %d", host, path, w.Code, status)
			}
		}
	}
	production := mount(t, nil, get("a", "/a", echo))
	if w := production.do("GET", "/a", "", "Host", "anything"); w.Code != 200 {
		t.Errorf("production looked at Host: %d", w.Code)
	}
}

type origins struct{ client, credentialed string }

func (o origins) ClientOrigin(_ context.Context, origin string) bool { return origin == o.client }
func (o origins) CredentialedOrigin(_ context.Context, origin string) bool {
	return origin == o.credentialed
}

func TestCORS(t *testing.T) {
	with := func(name string, c CORS) Route {
		r := get(name, "/"+name, echo)
		r.CORS, r.Methods = c, []string{"GET", "POST"}
		return r
	}
	f := mount(t, func(o *Options) { o.Origins = origins{"https://app.example", "https://spa.example"} },
		with("none", CORSNone), with("any", CORSAny), with("client", CORSClient), with("cred", CORSCredentialed))
	cases := map[string]struct {
		path, origin, allow, credentials string
	}{
		"none":                              {"/none", "https://app.example", "", ""},
		"any":                               {"/any", "https://evil.example", "*", ""},
		"registered":                        {"/client", "https://app.example", "https://app.example", ""},
		"unregistered":                      {"/client", "https://evil.example", "", ""},
		"null origin":                       {"/client", "null", "", ""},
		"credentialed":                      {"/cred", "https://spa.example", "https://spa.example", "true"},
		"credentialed is a list of its own": {"/cred", "https://app.example", "", ""},
	}
	for name, c := range cases {
		for _, method := range []string{"GET", "OPTIONS"} {
			t.Run(name+" "+method, func(t *testing.T) {
				w := f.do(method, c.path, "", "Origin", c.origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type,x-signet-request")
				if got := w.Header().Get("Access-Control-Allow-Origin"); got != c.allow {
					t.Errorf("allow %q, want %q", got, c.allow)
				}
				if got := w.Header().Get("Access-Control-Allow-Credentials"); got != c.credentials {
					t.Errorf("credentials %q, want %q", got, c.credentials)
				}
			})
		}
	}
	for name, c := range map[string]struct {
		headers []string
		status  int
	}{
		"same origin":             {[]string{"Cookie", "a=b", "Origin", "https://id.example.com"}, 200},
		"no browser":              {[]string{"Cookie", "a=b"}, 200},
		"listed with header":      {[]string{"Cookie", "a=b", "Origin", "https://spa.example", "X-Signet-Request", "1"}, 200},
		"listed without header":   {[]string{"Cookie", "a=b", "Origin", "https://spa.example"}, 403},
		"unlisted with header":    {[]string{"Cookie", "a=b", "Origin", "https://evil.example", "X-Signet-Request", "1"}, 403},
		"cross-site, no origin":   {[]string{"Cookie", "a=b", "Sec-Fetch-Site", "cross-site"}, 403},
		"foreign without cookies": {[]string{"Origin", "https://evil.example"}, 200},
	} {
		t.Run("cookies: "+name, func(t *testing.T) {
			if w := f.do("POST", "/cred", "", c.headers...); w.Code != c.status {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
}

func TestForeignForms(t *testing.T) {
	page := get("page", "/ui/login", echo)
	page.Methods, page.Style = []string{"GET", "POST"}, Page
	open := page
	open.Name, open.Path, open.AllowCrossOrigin = "open", "/oauth2/logout", true
	f := mount(t, nil, page, open)
	for name, c := range map[string]struct {
		method, path string
		headers      []string
		status       int
	}{
		"own form":                 {"POST", "/ui/login", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		"own origin, other Host":   {"POST", "/ui/login", []string{"Origin", "https://id.example.com", "Host", "internal:8001"}, 200},
		"cross-site form":          {"POST", "/ui/login", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		"foreign origin":           {"POST", "/ui/login", []string{"Origin", "https://evil.example"}, 403},
		"sibling subdomain":        {"POST", "/ui/login", []string{"Sec-Fetch-Site", "same-site", "Origin", "https://x.example.com"}, 403},
		"reading is free":          {"GET", "/ui/login", []string{"Sec-Fetch-Site", "cross-site"}, 200},
		"exempted by the standard": {"POST", "/oauth2/logout", []string{"Sec-Fetch-Site", "cross-site"}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			if w := f.do(c.method, c.path, "", c.headers...); w.Code != c.status {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
}

type limiter struct{ decision Decision }

func (l limiter) Take(context.Context, string, netip.Addr) Decision    { return l.decision }
func (l limiter) TakeSubject(context.Context, string, string) Decision { return Decision{} }

func TestRateLimit(t *testing.T) {
	r := get("a", "/a", echo)
	r.RateClass = "login"
	f := mount(t, func(o *Options) {
		o.Limiter = limiter{Decision{Denied: true, Limit: 100, Reset: time.Minute, RetryAfter: 3 * time.Second}}
	}, r, get("free", "/free", echo))
	w := f.do("GET", "/a", "")
	if w.Code != 429 || w.Header().Get("Retry-After") != "3" || w.Header().Get("X-RateLimit-Limit") != "100" ||
		w.Header().Get("X-RateLimit-Remaining") != "0" || w.Header().Get("X-RateLimit-Reset") != "1767323105" || !strings.Contains(w.Body.String(), "AUTH_004") {
		t.Errorf("got %d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := f.do("GET", "/free", ""); w.Code != 200 {
		t.Errorf("a route without a class was limited: %d", w.Code)
	}
}

// counting allows n requests of each key, whatever the time.
type counting map[string]int

func (c counting) Take(_ context.Context, class string, addr netip.Addr) Decision {
	return c.take(class+" "+addr.String(), 5)
}

func (c counting) TakeSubject(_ context.Context, class, subject string) Decision {
	return c.take(class+" "+subject, 2)
}

func (c counting) take(key string, limit int) Decision {
	c[key]++
	return Decision{Denied: c[key] > limit, Limit: limit, Remaining: max(0, limit-c[key]), RetryAfter: time.Second}
}

// TestRateLimitOfSubjects: the nearer limit is told; the address is counted
// before the token is looked at, the subject only after it was found good.
func TestRateLimitOfSubjects(t *testing.T) {
	r := get("a", "/a", echo)
	r.Auth = Bearer("account")
	free := get("free", "/free", echo)
	free.Auth, free.RateClass = Bearer("account"), RateNone
	counts := counting{}
	f := mount(t, func(o *Options) {
		o.Limiter = counts
		o.Authenticator = authenticators{"good": {Subject: "u1", ForIssuer: true, Scopes: []string{"account"}}}
	}, r, free)
	for i, want := range []struct {
		token, remaining string
		status           int
	}{
		{"good", "1", 200}, {"bad", "3", 401}, {"good", "0", 200}, {"good", "0", 429}, {"bad", "0", 401}, {"bad", "0", 429},
	} {
		w := f.do("GET", "/a", "", "Authorization", "Bearer "+want.token)
		if w.Code != want.status || w.Header().Get("X-RateLimit-Remaining") != want.remaining {
			t.Errorf("%d: %d, remaining %s", i, w.Code, w.Header().Get("X-RateLimit-Remaining"))
		}
	}
	if w := f.do("GET", "/free", "", "Authorization", "Bearer good"); w.Code != 200 || w.Header().Get("X-RateLimit-Limit") != "" {
		t.Errorf("without a class: %d %v", w.Code, w.Header())
	}
	if counts["read u1"] != 3 || len(counts) != 2 {
		t.Errorf("%v", counts)
	}
}

type authenticators map[string]Principal

func (a authenticators) Authenticate(_ context.Context, bearer string) (Principal, error) {
	p, ok := a[bearer]
	if !ok {
		return p, fault.New(fault.TokenMalformed, "no such token")
	}
	return p, nil
}

func TestClasses(t *testing.T) {
	for _, c := range []struct {
		route        Route
		method, want string
	}{
		{Route{Path: "/a", Auth: Public()}, "GET", ""},
		{Route{Path: "/a", Auth: Public(), RateClass: RateLogin}, "POST", RateLogin},
		{Route{Path: "/a", Auth: Bearer("x")}, "GET", RateRead},
		{Route{Path: "/a", Auth: BearerOneOf("x", "y")}, "POST", RateWrite},
		{Route{Path: "/admin/v1/users", Auth: Bearer("admin")}, "GET", RateAdmin},
		{Route{Path: "/a", Auth: Bearer("x"), RateClass: RateNone}, "POST", ""},
		{Route{Path: "/a", Auth: Bearer("x"), Style: OAuth}, "POST", ""},
		{Route{Path: "/metrics", Auth: LoopbackOrBearer("metrics:read")}, "GET", ""},
	} {
		if got := c.route.Class(c.method); got != c.want {
			t.Errorf("%s %s %v: %q", c.method, c.route.Path, c.route.Auth, got)
		}
	}
}

func TestBodies(t *testing.T) {
	read := func(w http.ResponseWriter, r *http.Request) error {
		data, err := ReadBody(r)
		if err != nil {
			return err
		}
		_, _ = w.Write(data)
		return nil
	}
	a := get("a", "/a", read)
	a.Methods, a.BodyLimit = []string{"POST"}, 10
	form := a
	form.Name, form.Path, form.Style = "form", "/form", OAuth
	loose := a
	loose.Name, loose.Path, loose.ContentTypes = "loose", "/loose", []string{"*/*"}
	f := mount(t, nil, a, form, loose)
	for name, c := range map[string]struct {
		path, contentType, body string
		status                  int
	}{
		"json":                   {"/a", "application/json", "{}", 200},
		"json with charset":      {"/a", `application/json; charset="UTF-8"`, "{}", 200},
		"other charset":          {"/a", "application/json; charset=latin1", "{}", 415},
		"no type":                {"/a", "", "{}", 415},
		"text":                   {"/a", "text/plain", "{}", 415},
		"no body, leaked type":   {"/a", "text/plain", "", 200},
		"form where it belongs":  {"/form", "application/x-www-form-urlencoded", "a=b", 200},
		"json at an OAuth route": {"/form", "application/json", "{}", 415},
		"any":                    {"/loose", "image/png", "x", 200},
		"at the limit":           {"/a", "application/json", "0123456789", 200},
		"above the limit":        {"/a", "application/json", "01234567890", 413},
	} {
		t.Run(name, func(t *testing.T) {
			if w := f.do("POST", c.path, c.body, "Content-Type", c.contentType); w.Code != c.status {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
}

func TestPrepared(t *testing.T) {
	ready := false
	r := get("doc", "/doc", nil)
	r.CORS = CORSAny
	doc := NewPrepared("application/json", "public, max-age=300", []byte(`{"a":1}`))
	r.Prepared = func() *Prepared {
		if !ready {
			return nil
		}
		return doc
	}
	f := mount(t, nil, r)
	if w := f.do("GET", "/doc", ""); w.Code != 503 {
		t.Errorf("before it is ready: %d", w.Code)
	}
	ready = true
	w := f.do("GET", "/doc", "", "X-Request-ID", "req-12345")
	for k, v := range map[string]string{
		"Content-Type": "application/json", "Cache-Control": "public, max-age=300", "ETag": doc.ETag(), "Content-Length": "7",
		"Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff", "X-Request-ID": "req-12345",
		"Strict-Transport-Security": "max-age=31536000; includeSubDomains",
	} {
		if got := w.Header().Get(k); got != v {
			t.Errorf("%s: %q, want %q", k, got, v)
		}
	}
	if w.Body.String() != `{"a":1}` {
		t.Errorf("body %s", w.Body)
	}
	for _, tag := range []string{doc.ETag(), "W/" + doc.ETag(), `"x", ` + doc.ETag(), "*"} {
		if w := f.do("GET", "/doc", "", "If-None-Match", tag); w.Code != 304 || w.Body.Len() != 0 {
			t.Errorf("If-None-Match %s: %d", tag, w.Code)
		}
	}
	if w := f.do("GET", "/doc", "", "If-None-Match", `"other"`); w.Code != 200 {
		t.Errorf("another tag: %d", w.Code)
	}
	if w := f.do("HEAD", "/doc", ""); w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") != "7" {
		t.Errorf("HEAD: %d %v", w.Code, w.Header())
	}
}
