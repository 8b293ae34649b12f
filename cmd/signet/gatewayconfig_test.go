package main

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
	"go.yaml.in/yaml/v3"

	"github.com/signet-idp/signet/gateway"
)

func configOf(t *testing.T, kind string, o gatewayConfig) string {
	t.Helper()
	o.upstream, o.listen, o.keys = "http://orders:3000", ":8080", "/etc/haproxy/signet"
	if o.server == "" {
		o.server = "https://id.example.com/base"
	}
	if o.gate == "" {
		o.gate = "default"
	}
	text, err := o.text(kind)
	if err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	return text
}

// Each kind names every header that tells who calls.
func TestGatewayConfigNamesEveryHeader(t *testing.T) {
	t.Parallel()
	for _, kind := range gatewayKinds() {
		text := configOf(t, kind, gatewayConfig{client: "intranet"})
		if slices.Contains(askingKinds(), kind) {
			browser := configOf(t, kind, gatewayConfig{browser: true})
			if strings.Contains(text, "/.signet/") || !strings.Contains(browser, "/.signet/") {
				t.Errorf("%s:\n%s", kind, browser)
			}
			text += browser
		}
		for _, name := range gateway.IdentityHeaders() {
			if !strings.Contains(strings.ToLower(text), strings.ToLower(name)) {
				t.Errorf("%s does without %s", kind, name)
			}
		}
		if strings.Contains(text, "<no value>") || strings.Contains(text, "{{") {
			t.Errorf("%s:\n%s", kind, text)
		}
	}
}

func TestGatewayConfigRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind, flag string
		o          gatewayConfig
		want       string
	}{
		{"nginx", "scope", gatewayConfig{}, "--gate"},
		{"envoy", "audience", gatewayConfig{}, "--gate"},
		{"haproxy", "gate", gatewayConfig{}, "--scope"},
		{"kong", "gate", gatewayConfig{}, "--scope"},
		{"haproxy", "browser", gatewayConfig{browser: true}, "apache-openidc"},
		{"kong", "keys", gatewayConfig{}, "--keys"},
		{"haproxy", "client", gatewayConfig{client: "x"}, "--client"},
		{"apache-openidc", "", gatewayConfig{}, "--client"},
		{"haproxy", "", gatewayConfig{scopes: []string{"a b"}}, "--scope"},
		{"haproxy", "", gatewayConfig{scopes: []string{`x" }`}}, "--scope"},
		{"apache", "", gatewayConfig{audience: "a\nb"}, "--audience"},
		{"apache", "", gatewayConfig{client: `a"b`}, "--client"},
		{"haproxy", "", gatewayConfig{keys: "relative"}, "--keys"},
		{"iptables", "", gatewayConfig{}, "there is no configuration"},
	} {
		err := tt.o.suits(tt.kind, func(flag string) bool { return flag == tt.flag })
		if err == nil {
			o := tt.o
			o.server, o.gate, o.upstream, o.listen = "https://id.example.com", "default", "http://orders:3000", "8080"
			if o.keys == "" {
				o.keys = "/keys"
			}
			_, err = o.text(tt.kind)
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %s %+v: %v", tt.kind, tt.flag, tt.o, err)
		}
	}
}

func TestUnderscores(t *testing.T) {
	t.Parallel()
	got := underscores("X-Signet-Acr")
	slices.Sort(got)
	if want := []string{"X-Signet_Acr", "X_Signet-Acr", "X_Signet_Acr"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := underscores("Remote-User"); !slices.Equal(got, []string{"Remote_User"}) {
		t.Errorf("%q", got)
	}
}

// kongConfig is what is looked at in a printed configuration.
type kongConfig struct {
	Version  string `yaml:"_format_version"`
	Services []struct {
		Plugins []struct {
			Name   string
			Config struct {
				KeyClaimName   string   `yaml:"key_claim_name"`
				ClaimsToVerify []string `yaml:"claims_to_verify"`
				URIParamNames  []string `yaml:"uri_param_names"`
				CookieNames    []string `yaml:"cookie_names"`
				Remove         struct{ Headers []string }
				Access         []string
			}
		}
	}
	Consumers []struct{ Username string }
	Secrets   []any `yaml:"jwt_secrets"`
}

// Kong cannot be run in the tests: its configuration is read as Kong reads it,
// and the function in it is run.
func TestKongConfig(t *testing.T) {
	t.Parallel()
	var c kongConfig
	if err := yaml.Unmarshal([]byte(configOf(t, "kong", gatewayConfig{audience: "https://api.example.com", scopes: []string{"orders:read", "orders:write"}})), &c); err != nil {
		t.Fatal(err)
	}
	plugins := c.Services[0].Plugins
	jwt, transform, function := plugins[0].Config, plugins[1].Config, plugins[2].Config
	if c.Version != "3.0" || jwt.KeyClaimName != "kid" || !slices.Equal(jwt.ClaimsToVerify, []string{"exp", "nbf"}) || c.Consumers[0].Username != "signet" {
		t.Errorf("%+v", c)
	}
	// Nil would be Kong's default: a token in ?jwt=.
	if jwt.URIParamNames == nil || len(jwt.URIParamNames) > 0 || jwt.CookieNames == nil {
		t.Errorf("tokens are taken from %q, %q", jwt.URIParamNames, jwt.CookieNames)
	}
	for _, name := range gateway.IdentityHeaders() {
		for _, form := range append(underscores(name), name) {
			if !slices.Contains(transform.Remove.Headers, form) {
				t.Errorf("%s gets through", form)
			}
		}
	}
	claims := func(change func(map[string]any)) map[string]any {
		m := map[string]any{
			"iss": "https://id.example.com/base", "aud": "https://api.example.com", "sub": "alice", "exp": 1796049807, "roles": []any{"owner", "billing"},
			"scope": "orders:read orders:write", "client_id": "web", "sid": "s", "acr": "aal2", "org_id": "acme",
		}
		change(m)
		return m
	}
	for _, tt := range []struct {
		name, typ string
		change    func(map[string]any)
		status    int
	}{
		{"good", "at+jwt", func(map[string]any) {}, 200},
		{"several audiences", "at+jwt", func(m map[string]any) { m["aud"] = []any{"x", "https://api.example.com"} }, 200},
		{"another audience", "at+jwt", func(m map[string]any) { m["aud"] = "https://api.example.com.evil" }, 401},
		{"other audiences", "at+jwt", func(m map[string]any) { m["aud"] = []any{"x"} }, 401},
		{"no audience", "at+jwt", func(m map[string]any) { delete(m, "aud") }, 401},
		{"another issuer", "at+jwt", func(m map[string]any) { m["iss"] = "https://evil.example.com" }, 401},
		{"an ID token", "JWT", func(map[string]any) {}, 401},
		{"lacks a scope", "at+jwt", func(m map[string]any) { m["scope"] = "orders:read orders:writeall" }, 403},
		{"no scope", "at+jwt", func(m map[string]any) { delete(m, "scope") }, 403},
	} {
		status, headers := runKong(t, function.Access[0], map[string]any{"typ": tt.typ}, claims(tt.change))
		if status != tt.status {
			t.Errorf("%s: %d, not %d", tt.name, status, tt.status)
		}
		if status != 200 {
			continue
		}
		if len(headers) != len(gateway.IdentityHeaders()) || headers["X-Signet-Subject"] != "alice" || headers["Remote-Groups"] != "owner,billing" ||
			headers["X-Signet-Token-Exp"] != "1796049807" || headers["Remote-Name"] != "" {
			t.Errorf("%s: %v", tt.name, headers)
		}
	}
	if status, _ := runKong(t, function.Access[0], nil, nil); status != 401 {
		t.Errorf("no token: %d", status)
	}
}

// runKong runs a function for Kong with what it uses of Kong's, and tells with
// what it ended and what it set. Without claims there is no token.
func runKong(t *testing.T, source string, header, claims map[string]any) (status int, headers map[string]string) {
	t.Helper()
	l := lua.NewState()
	defer l.Close()
	status, headers = 200, map[string]string{}
	l.PreloadModule("cjson.safe", func(l *lua.LState) int {
		m := l.NewTable()
		m.RawSetString("decode", l.NewFunction(func(l *lua.LState) int {
			var v any
			if json.Unmarshal([]byte(l.CheckString(1)), &v) != nil {
				l.Push(lua.LNil)
				return 1
			}
			l.Push(luaValue(l, v))
			return 1
		}))
		l.Push(m)
		return 1
	})
	table := func(members map[string]lua.LValue) *lua.LTable {
		out := l.NewTable()
		for k, v := range members {
			out.RawSetString(k, v)
		}
		return out
	}
	token := lua.LNil
	if claims != nil {
		token = lua.LString(segment(t, header) + "." + segment(t, claims) + ".c2ln")
	}
	l.SetGlobal("ngx", table(map[string]lua.LValue{"decode_base64": l.NewFunction(func(l *lua.LState) int {
		raw, err := base64.StdEncoding.DecodeString(l.CheckString(1))
		if err != nil {
			l.Push(lua.LNil)
			return 1
		}
		l.Push(lua.LString(raw))
		return 1
	})}))
	l.SetGlobal("kong", table(map[string]lua.LValue{
		"ctx": table(map[string]lua.LValue{"shared": table(map[string]lua.LValue{"authenticated_jwt_token": token})}),
		"response": table(map[string]lua.LValue{"exit": l.NewFunction(func(l *lua.LState) int {
			status = l.CheckInt(1)
			return 0
		})}),
		"service": table(map[string]lua.LValue{"request": table(map[string]lua.LValue{"set_header": l.NewFunction(func(l *lua.LState) int {
			headers[l.CheckString(1)] = l.CheckString(2)
			return 0
		})})}),
	}))
	if err := l.DoString(source); err != nil {
		t.Fatal(err)
	}
	return status, headers
}

func segment(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func luaValue(l *lua.LState, v any) lua.LValue {
	switch v := v.(type) {
	case string:
		return lua.LString(v)
	case float64:
		return lua.LNumber(v)
	case []any:
		out := l.NewTable()
		for _, e := range v {
			out.Append(luaValue(l, e))
		}
		return out
	case map[string]any:
		out := l.NewTable()
		for k, e := range v {
			out.RawSetString(k, luaValue(l, e))
		}
		return out
	}
	return lua.LNil
}
