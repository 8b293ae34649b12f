package conformance_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// registered are the members of the IANA registry "OAuth Authorization Server
// Metadata" that a provider without extensions may publish.
func registered() []string {
	return []string{
		"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "registration_endpoint", "scopes_supported",
		"response_types_supported", "response_modes_supported", "grant_types_supported", "token_endpoint_auth_methods_supported",
		"token_endpoint_auth_signing_alg_values_supported", "service_documentation", "ui_locales_supported", "op_policy_uri",
		"op_tos_uri", "revocation_endpoint", "revocation_endpoint_auth_methods_supported",
		"revocation_endpoint_auth_signing_alg_values_supported", "introspection_endpoint",
		"introspection_endpoint_auth_methods_supported", "introspection_endpoint_auth_signing_alg_values_supported",
		"code_challenge_methods_supported", "userinfo_endpoint", "acr_values_supported", "subject_types_supported",
		"id_token_signing_alg_values_supported", "userinfo_signing_alg_values_supported",
		"request_object_signing_alg_values_supported", "display_values_supported", "claim_types_supported", "claims_supported",
		"claims_locales_supported", "claims_parameter_supported", "request_parameter_supported",
		"request_uri_parameter_supported", "require_request_uri_registration", "end_session_endpoint",
		"backchannel_logout_supported", "backchannel_logout_session_supported", "prompt_values_supported",
		"authorization_response_iss_parameter_supported", "frontchannel_logout_supported",
		"frontchannel_logout_session_supported",
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	s := start(t)
	status, header, body := s.get(t, "/.well-known/openid-configuration")
	var doc map[string]any
	if err := json.Unmarshal(body, &doc); err != nil || status != http.StatusOK || header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %q %v", status, header.Get("Content-Type"), err)
	}
	list := func(name string) []string {
		var out []string
		for _, v := range doc[name].([]any) {
			out = append(out, v.(string))
		}
		return out
	}

	t.Run("oidcc-discovery-endpoint-verification", func(t *testing.T) {
		if doc["issuer"] != s.Issuer {
			t.Errorf("issuer %v, want %s", doc["issuer"], s.Issuer)
		}
		if header.Get("Access-Control-Allow-Origin") != "*" {
			t.Error("discovery is closed to browsers")
		}
		for name, v := range doc {
			if !slices.Contains(registered(), name) {
				t.Errorf("%s is no registered member", name)
			}
			text, ok := v.(string)
			if !ok || name == "issuer" {
				continue
			}
			u, err := url.Parse(text)
			if err != nil || u.Scheme != "https" && u.Hostname() != "127.0.0.1" || !strings.HasPrefix(text, s.Issuer+"/") {
				t.Errorf("%s: %s", name, text)
			}
		}
		for name, want := range map[string][]string{
			"response_types_supported": {"code"}, "subject_types_supported": {"public"}, "code_challenge_methods_supported": {"S256"},
			"grant_types_supported": {"authorization_code", "refresh_token", "client_credentials"}, "response_modes_supported": {"query", "fragment", "form_post"},
		} {
			if got := list(name); !slices.Equal(got, want) {
				t.Errorf("%s %v, want %v", name, got, want)
			}
		}
		if !slices.Contains(list("id_token_signing_alg_values_supported"), "RS256") {
			t.Error("RS256 is missing")
		}
		for _, name := range []string{
			"claims_parameter_supported", "request_parameter_supported", "authorization_response_iss_parameter_supported",
			"backchannel_logout_supported", "backchannel_logout_session_supported",
		} {
			if doc[name] != true {
				t.Errorf("%s is %v", name, doc[name])
			}
		}
		if v, ok := doc["request_uri_parameter_supported"]; !ok || v != false { // left out means true
			t.Errorf("request_uri_parameter_supported is %v", v)
		}
	})

	t.Run("no algorithm none", func(t *testing.T) {
		for name, v := range doc {
			values, ok := v.([]any)
			if ok && strings.Contains(name, "alg") && slices.Contains(values, any("none")) {
				t.Errorf("%s lists none", name)
			}
		}
		if slices.Contains(list("introspection_endpoint_auth_methods_supported"), "none") {
			t.Error("introspection without authentication is advertised")
		}
	})

	t.Run("both documents are one", func(t *testing.T) {
		_, _, other := s.get(t, "/.well-known/oauth-authorization-server")
		var second map[string]any
		if err := json.Unmarshal(other, &second); err != nil || !reflect.DeepEqual(doc, second) {
			t.Errorf("they differ: %v", err)
		}
	})

	t.Run("every endpoint is there", func(t *testing.T) {
		for name, v := range doc {
			text, ok := v.(string)
			if !ok || name == "issuer" {
				continue
			}
			if status, _, _ := s.get(t, strings.TrimPrefix(text, s.Issuer)); status == http.StatusNotFound {
				t.Errorf("%s: %s is not there", name, text)
			}
		}
	})

	t.Run("oidcc-jwks", func(t *testing.T) {
		_, _, raw := s.get(t, "/.well-known/jwks.json")
		if strings.Contains(string(raw), `"d"`) {
			t.Fatal("a private key is published")
		}
		kids := map[string]bool{}
		for _, k := range s.keySet(t).Keys {
			if !k.Valid() || !k.IsPublic() || k.KeyID == "" || k.Use != "sig" || kids[k.KeyID] {
				t.Errorf("key %q use %q alg %q", k.KeyID, k.Use, k.Algorithm)
			}
			kids[k.KeyID] = true
		}
	})
}
