package flow_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/signet-idp/signet/gateway"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// TestGatewayRequests sends what gateways that cannot be run here send, byte
// for byte. {token} is a good token, {host} the server's, {name} an identity
// header that the client forged, which these gateways pass on to us.
func TestGatewayRequests(t *testing.T) {
	t.Parallel()
	in := harness.Start(t, harness.Options{})
	_, secret := in.Service(t, "orders", "", storage.ClientMetadata{Scope: "orders:read orders:write"})
	token := func(scope string) string {
		return in.Token(t, "orders", secret, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}).AccessToken
	}
	good, poor := token("orders:read"), token("orders:write")
	if _, err := in.Gates.Put(t.Context(), storage.Gate{Name: "reads", Scopes: []string{"orders:read"}}); err != nil {
		t.Fatal(err)
	}
	in.Sync(t)
	host := strings.TrimPrefix(in.URL, "http://")

	// Traefik ForwardAuth: GET without a body, the client's headers but those of
	// the connection, and the request's own method, place and address beside.
	traefik := func(method, more string) string {
		return method + " /auth/validate/reads HTTP/1.1\r\nHost: {host}\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n" +
			"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Host: api.acme.test\r\nX-Forwarded-Method: POST\r\nX-Forwarded-Port: 443\r\n" +
			"X-Forwarded-Proto: https\r\nX-Forwarded-Server: traefik-0\r\nX-Forwarded-Uri: /orders?token=x&a=%2F\r\nX-Real-Ip: 203.0.113.9\r\n" +
			"X-Signet-Subject: forged\r\nRemote-User: forged\r\n" + more
	}
	// Envoy ext_authz over HTTP: the client's method, its path and query behind
	// the prefix, no body, and only the headers that are allowed.
	envoy := func(method, path, more string) string {
		return method + " /auth/validate/ext-authz/reads" + path + " HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\n" +
			"x-envoy-internal: true\r\nx-forwarded-for: 10.0.0.4\r\nx-envoy-expected-rq-timeout-ms: 2000\r\n" + more
	}
	const (
		bearer   = "Authorization: Bearer {token}\r\n"
		none     = `Bearer realm="signet"`
		invalid  = `Bearer realm="signet", error="invalid_token", error_description="Invalid or expired token"`
		lacks    = `Bearer realm="signet", error="insufficient_scope", error_description="the token lacks what the gate requires", scope="orders:read"`
		emptyEnd = "\r\n"
	)
	withBody := func(token string) string {
		body := fmt.Sprintf(`{"token":%q}`, token)
		return fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	for _, tt := range []struct {
		name, request, token string
		status               int
		challenge            string
	}{
		{"traefik", traefik("GET", bearer+emptyEnd), good, 200, ""},
		{"traefik, lacks the scope", traefik("GET", bearer+emptyEnd), poor, 403, lacks},
		{"traefik, no token", traefik("GET", emptyEnd), "", 401, none},
		{"traefik, bad token", traefik("GET", bearer+emptyEnd), "x", 401, invalid},
		{"traefik, a form's type without the form", traefik("GET", bearer+"Content-Type: application/x-www-form-urlencoded\r\n"+emptyEnd), good, 200, ""},
		{"traefik, a login of another kind", traefik("GET", "Authorization: Basic b3JkZXJzOng=\r\n"+emptyEnd), "", 401, none},
		{"traefik, two tokens", traefik("GET", bearer+bearer+emptyEnd), good, 400, ""},
		// preserveRequestMethod and forwardBody: the body is the request's own.
		{"traefik, its body on", traefik("POST", bearer+withBody("y")), good, 200, ""},
		{"traefik, a bad token in its body", traefik("POST", withBody("y")), "", 401, none},
		{"traefik, a good token in its body", traefik("POST", withBody(good)), "", 401, none},
		{"traefik, a good token in its body beside a bad one", traefik("POST", bearer+withBody(good)), "x", 401, invalid},

		{"envoy GET", envoy("GET", "/orders/1?token=x&a=%2F", bearer+emptyEnd), good, 200, ""},
		{"envoy HEAD", envoy("HEAD", "/orders/1", bearer+emptyEnd), good, 200, ""},
		{"envoy POST", envoy("POST", "/orders", bearer+emptyEnd), good, 200, ""},
		{"envoy PUT", envoy("PUT", "/orders/1", bearer+emptyEnd), good, 200, ""},
		{"envoy PATCH", envoy("PATCH", "/orders/1", bearer+emptyEnd), good, 200, ""},
		{"envoy DELETE", envoy("DELETE", "/orders/1", bearer+emptyEnd), good, 200, ""},
		{"envoy, the root", envoy("GET", "/", bearer+emptyEnd), good, 200, ""},
		{"envoy, a path like ours", envoy("GET", "/auth/validate/default", bearer+emptyEnd), poor, 403, lacks},
		{"envoy, lacks the scope", envoy("PUT", "/orders/1", bearer+emptyEnd), poor, 403, lacks},
		{"envoy, no token", envoy("DELETE", "/orders/1", emptyEnd), "", 401, none},
		{"envoy, bad token", envoy("POST", "/orders", bearer+emptyEnd), "x", 401, invalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			resp := sendRaw(t, host, strings.NewReplacer("{token}", tt.token, "{host}", host).Replace(tt.request))
			if resp.StatusCode != tt.status || tt.challenge != "" && resp.Header.Get("WWW-Authenticate") != tt.challenge {
				t.Fatalf("%d %s", resp.StatusCode, resp.Header.Get("WWW-Authenticate"))
			}
			if tt.status != http.StatusBadRequest && (resp.Header.Get("Cache-Control") != "no-store" || !slices.Contains(varies(resp.Header), "Authorization")) {
				t.Errorf("Cache-Control %q, Vary %q", resp.Header.Get("Cache-Control"), resp.Header.Values("Vary"))
			}
			if resp.Header.Get("Location") != "" {
				t.Error("a redirect")
			}
			for _, name := range gateway.IdentityHeaders() {
				values := resp.Header[name]
				if (len(values) == 1) != (tt.status == http.StatusOK) || len(values) == 1 && values[0] == "forged" {
					t.Errorf("%s: %q", name, values)
				}
			}
			if got := resp.Header.Get("X-Signet-Subject"); tt.status == http.StatusOK && got != "orders" {
				t.Errorf("subject %q", got)
			}
		})
	}
	// Whatever else Envoy is asked with is refused, not let through.
	for _, method := range []string{"OPTIONS", "PROPFIND", "TRACE", "QUERY"} {
		if resp := sendRaw(t, host, strings.ReplaceAll(envoy(method, "/orders/1", "\r\n"), "{host}", host)); resp.StatusCode == http.StatusOK {
			t.Errorf("%s without a token: %d", method, resp.StatusCode)
		}
	}
}

// sendRaw sends a request as it is.
func sendRaw(t *testing.T, host, request string) answer {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := conn.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return answer{resp.StatusCode, resp.Header, resp.Body}
}

func varies(h http.Header) []string {
	var out []string
	for _, v := range h.Values("Vary") {
		for name := range strings.SplitSeq(v, ",") {
			out = append(out, strings.TrimSpace(name))
		}
	}
	return out
}
