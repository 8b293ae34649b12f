// Package openapi_test walks the route table of a running server: the document,
// the router and the rules have to say the same.
package openapi_test

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/webhook"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// call sends a request without a body; the answer is checked against the
// document on the way.
func call(t *testing.T, in *harness.Instance, method, path, token string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, in.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Transport: in.HTTP.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}

// fill replaces a path's variables.
func fill(path string, values map[string]string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		name, isVariable := strings.CutPrefix(s, "{")
		if !isVariable {
			continue
		}
		name, _, _ = strings.Cut(strings.TrimSuffix(name, "}"), ":")
		segments[i] = values[name]
		if own := values["admin:"+name]; own != "" && strings.HasPrefix(path, "/admin/") {
			segments[i] = own // what operators call by the name that organizations have for their own
		}
		if segments[i] == "" {
			segments[i] = "00000000-0000-7000-8000-000000000000"
		}
	}
	return strings.Join(segments, "/")
}

func document(t *testing.T, in *harness.Instance) *openapi3.T {
	t.Helper()
	status, header, body := call(t, in, http.MethodGet, "/openapi.json", "")
	if status != http.StatusOK || header.Get("Access-Control-Allow-Origin") != "*" || header.Get("ETag") == "" {
		t.Fatalf("%d %v", status, header)
	}
	doc, err := openapi3.NewLoader().LoadFromData([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTheDocumentIsValid(t *testing.T) {
	in := harness.Start(t, harness.Options{Contract: true})
	doc := document(t, in)
	if err := doc.Validate(context.Background()); err != nil {
		t.Error(err)
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.Summary == "" || len(op.Tags) == 0 {
				t.Errorf("%s %s: no summary or no tag", method, path)
			}
		}
	}
}

func TestTableDocumentAndRouterAgree(t *testing.T) {
	in := harness.Start(t, harness.Options{Contract: true})
	doc := document(t, in)
	documented := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			documented[method+" "+path] = false
		}
	}
	for _, r := range in.Table.Routes() {
		if r.Auth.IsZero() {
			t.Errorf("%s: no authorization rule", r.Name)
		}
		path := fill(r.Path, map[string]string{})
		for _, prefix := range []string{"", "/api/v1"} {
			if r.AnyMethod {
				break // OPTIONS is a question like any other there
			}
			status, header, _ := call(t, in, http.MethodOptions, prefix+path, "")
			served := prefix == "" || r.Legacy
			if (status == http.StatusNoContent) != served {
				t.Errorf("OPTIONS %s%s: %d, served should be %v", prefix, path, status, served)
			}
			for _, m := range r.Methods {
				if served && !slices.Contains(strings.Split(header.Get("Allow"), ", "), m) {
					t.Errorf("%s %s%s: Allow says %q", m, prefix, path, header.Get("Allow"))
				}
			}
		}
		for _, m := range r.Methods {
			key := m + " " + plain(r.Path)
			if _, ok := documented[key]; ok == r.Hidden {
				t.Errorf("%s: hidden %v, in the document %v", key, r.Hidden, ok)
			}
			documented[key] = true
		}
	}
	for key, inTable := range documented {
		if !inTable {
			t.Errorf("%s is in the document and not in the table", key)
		}
	}
}

func plain(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if name, _, ok := strings.Cut(s, ":"); ok && strings.HasPrefix(s, "{") {
			segments[i] = name + "}"
		}
	}
	return strings.Join(segments, "/")
}

// people makes what a call needs: an administrator of the system who owns an
// organization, and tokens with every scope and with none.
func people(t *testing.T, in *harness.Instance) (all, none string, values map[string]string) {
	t.Helper()
	u := in.User(t, "admin@acme.test", "correct horse battery", access.Admin)
	org := in.Organization(t, "acme", u.ID)
	in.Client(t, "everything", storage.ClientMetadata{
		TokenEndpointAuthMethod: "none", FirstParty: true,
		Scope: "openid profile email account organizations admin",
	})
	const api = "https://api.acme.test"
	if _, err := in.Clients.PutResource(t.Context(), storage.Resource{Identifier: api}, "admin"); err != nil {
		t.Fatal(err)
	}
	b, s := in.SignedIn(t, u.ID)
	token := func(scope string) string {
		a, code := b.Silent("everything", scope, map[string]string{"organization": "acme"})
		answer := in.Redeem(t, "everything", "", a, code)
		if answer.AccessToken == "" {
			t.Fatalf("no token: %d %s %s", answer.Status, answer.Error, answer.Description)
		}
		return answer.AccessToken
	}
	device, now := storage.NewID(), in.Clock.Now()
	if err := in.Store.PutDevice(t.Context(), storage.Device{
		ID: device, UserID: u.ID, Hash: []byte("hash"), UserAgent: "test", CreatedAt: now, LastSeenAt: now, Expiry: now.AddDate(1, 0, 0),
	}); err != nil {
		t.Fatal(err)
	}
	hooks := map[string]string{}
	for _, owner := range []string{"", org.ID} {
		hook, _, err := in.Webhooks.Create(t.Context(), owner, webhook.Registration{URL: "https://hooks.test/", Events: []string{"*"}})
		if err != nil {
			t.Fatal(err)
		}
		hooks[owner] = hook.ID
	}
	signer, err := in.Keys.Snapshot().Signer(keys.ES256)
	if err != nil {
		t.Fatal(err)
	}
	return token("openid profile email account organizations admin"), token("openid"), map[string]string{
		"user_id": u.ID, "id": u.ID, "org_id": org.ID, "organization_id": org.ID, "session_id": s.ID, "client_id": "everything",
		"role": "admin", "device_id": device, "file": signer.KID() + ".pem", "gate": "default", "webhook_id": hooks[org.ID], "admin:webhook_id": hooks[""], "resource_id": base64.RawURLEncoding.EncodeToString([]byte(api)),
	}
}

func TestEveryRuleHolds(t *testing.T) {
	in := harness.Start(t, harness.Options{Contract: true})
	_, none, values := people(t, in)
	for _, r := range in.Table.Routes() {
		if r.Hidden {
			continue
		}
		for _, m := range r.Methods {
			for _, prefix := range []string{"", "/api/v1"} {
				if prefix != "" && !r.Legacy {
					continue
				}
				path := prefix + fill(r.Path, values)
				t.Run(m+path, func(t *testing.T) {
					status, header, body := call(t, in, m, path, "")
					if status >= 500 {
						t.Errorf("anonymous: %d %s", status, body)
					}
					if r.Auth.Kind() != web.KindBearer {
						return
					}
					if status != http.StatusUnauthorized || header.Get("WWW-Authenticate") == "" {
						t.Errorf("anonymous: %d, WWW-Authenticate %q", status, header.Get("WWW-Authenticate"))
					}
					if status, _, _ := call(t, in, m, path, "no.such.token"); status != http.StatusUnauthorized {
						t.Errorf("a token that is none: %d", status)
					}
					if len(r.Auth.Scopes()) == 0 || slices.Contains(r.Auth.Scopes(), "openid") {
						return
					}
					status, header, body = call(t, in, m, path, none)
					if status != http.StatusForbidden || !strings.Contains(header.Get("WWW-Authenticate"), `error="insufficient_scope"`) {
						t.Errorf("a token without the scope: %d %q %s", status, header.Get("WWW-Authenticate"), body)
					}
				})
			}
		}
	}
}

// TestEveryReadAnswers calls every GET with a token that may.
func TestEveryReadAnswers(t *testing.T) {
	in := harness.Start(t, harness.Options{Contract: true})
	all, _, values := people(t, in)
	for _, r := range in.Table.Routes() {
		if r.Hidden || !slices.Contains(r.Methods, http.MethodGet) || r.Style == web.Page {
			continue
		}
		path := fill(r.Path, values) + strings.ReplaceAll(queries[r.Path], "{user_id}", values["user_id"])
		t.Run(path, func(t *testing.T) {
			status, _, body := call(t, in, http.MethodGet, path, all)
			if status >= 400 && !mayRefuse(r.Name, status) {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}

// queries are what reads ask for that cannot go without.
var queries = map[string]string{
	"/admin/v1/reports/erasure":      "?user_id={user_id}",
	"/admin/v1/reports/erasure.csv":  "?user_id={user_id}",
	"/admin/v1/reports/erasure.html": "?user_id={user_id}",
	"/auth/authorize":                "?permission=read:profile",
}

// mayRefuse names the reads that a full token alone does not open.
func mayRefuse(name string, status int) bool {
	switch name {
	case "revocationSnapshot", "revocationStream", "listEvents": // scopes of services
		return status == http.StatusForbidden
	case "checkPermission": // asks for nothing
		return status == http.StatusUnprocessableEntity
	}
	return false
}
