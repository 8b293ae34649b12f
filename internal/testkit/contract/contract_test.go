package contract_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/signet-idp/signet/internal/testkit/contract"
)

const document = `{
  "servers": [{"url": "https://id.test/base"}],
  "paths": {
    "/users/{user_id}": {"get": {"operationId": "getUser", "x-api-v1": true, "responses": {
      "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/User"}}}},
      "204": {},
      "404": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}, "x-error-codes": ["USER_001"]}
    }}},
    "/users/me": {"get": {"operationId": "me", "responses": {"204": {}}}}
  },
  "components": {"schemas": {
    "User": {"type": "object", "required": ["id", "org", "at"], "properties": {
      "id": {"type": "string"}, "at": {"type": "string", "format": "date-time"},
      "org": {"anyOf": [{"$ref": "#/components/schemas/Org"}, {"type": "null"}]},
      "more": {"type": "object", "additionalProperties": {}}
    }},
    "Org": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
    "Error": {"type": "object", "required": ["error_code"], "properties": {"error_code": {"type": "string"}}}
  }}
}`

func TestCheck(t *testing.T) {
	c, err := contract.New([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	const at = `"at": "2026-01-02T03:04:05.000000Z"`
	for _, tc := range []struct {
		name, method, path string
		status             int
		body, problem      string
	}{
		{"as documented", "GET", "/base/users/1", 200, `{"id": "1", "org": null, ` + at + `, "more": {"x": 1}}`, ""},
		{"below the old prefix", "GET", "/base/api/v1/users/1/", 200, `{"id": "1", "org": {"id": "2"}, ` + at + `}`, ""},
		{"a member too many", "GET", "/base/users/1", 200, `{"id": "1", "org": null, ` + at + `, "secret": 1}`, "secret"},
		{"a member too many, nested", "GET", "/base/users/1", 200, `{"id": "1", "org": {"id": "2", "secret": 1}, ` + at + `}`, "secret"},
		{"a member missing", "GET", "/base/users/1", 200, `{"id": "1", ` + at + `}`, "org"},
		{"null where it must not be", "GET", "/base/users/1", 200, `{"id": null, "org": null, ` + at + `}`, "null"},
		{"no date", "GET", "/base/users/1", 200, `{"id": "1", "org": null, "at": "yesterday"}`, "date-time"},
		{"an error", "GET", "/base/users/1", 404, `{"error_code": "USER_001"}`, ""},
		{"another code", "GET", "/base/users/1", 404, `{"error_code": "ORG_001"}`, "ORG_001"},
		{"another status", "GET", "/base/users/1", 409, `{}`, "no such status"},
		{"a body where none is", "GET", "/base/users/1", 204, `{}`, "no body"},
		{"another method", "POST", "/base/users/1", 200, `{}`, "no such method"},
		{"a plain segment wins", "GET", "/base/users/me", 204, ``, ""},
		{"not below the old prefix", "GET", "/base/api/v1/users/me", 204, ``, "/api/v1"},
		{"no body of HEAD", "HEAD", "/base/users/1", 200, ``, ""},
		{"nowhere", "GET", "/base/elsewhere", 404, `{"error_code": "REQ_003"}`, ""},
		{"nowhere, told wrongly", "GET", "/base/elsewhere", 404, `{}`, "error_code"},
		{"not JSON", "GET", "/base/users/1", 200, `<`, "not JSON"},
	} {
		err := c.Check(tc.method, tc.path, tc.status, http.Header{"Content-Type": {"application/json"}}, []byte(tc.body))
		if (err == nil) != (tc.problem == "") || err != nil && !strings.Contains(err.Error(), tc.problem) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.problem)
		}
	}
	if seen := c.Seen(); seen["me"][204] != 1 || seen["getUser"][404] != 2 {
		t.Errorf("seen %v", seen)
	}
}

func TestRoundTrip(t *testing.T) {
	c, err := contract.New([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte("hello"))
	}))
	defer s.Close()
	client := &http.Client{Transport: c}
	resp, err := client.Get(s.URL + "/base/users/1")
	if err == nil {
		_ = resp.Body.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "text/plain") {
		t.Errorf("%v", err)
	}
}
