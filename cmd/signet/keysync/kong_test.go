package keysync

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const kongBefore = `_format_version: "3.0" # ours
consumers:
  - username: signet
  - username: partner
jwt_secrets:
  - {consumer: signet, key: old, algorithm: ES256, rsa_public_key: x}
  # by hand
  - {consumer: partner, key: theirs, secret: s3cret}
`

func TestKongFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kong.yml")
	if err := os.WriteFile(path, []byte(kongBefore), 0o640); err != nil {
		t.Fatal(err)
	}
	keys := []Key{{"new", "ES256", "-----BEGIN PUBLIC KEY-----\nA\n-----END PUBLIC KEY-----\n"}, {"newer", "RS256", "B\n"}}
	f := KongFile{path, "signet"}
	for i, want := range []bool{true, false} {
		if changed, err := f.Put(t.Context(), keys); err != nil || changed != want {
			t.Fatalf("%d: %v, %v", i, changed, err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Secrets []struct {
			Consumer, Key, Secret, Algorithm string
			PublicKey                        string `yaml:"rsa_public_key"`
		} `yaml:"jwt_secrets"`
	}
	if err := yaml.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if s := got.Secrets; len(s) != 3 || s[0].Key != "theirs" || s[0].Secret != "s3cret" || s[1].Key != "new" || s[1].PublicKey != keys[0].PEM || s[2].Algorithm != "RS256" {
		t.Errorf("%+v", s)
	}
	for _, kept := range []string{"# ours", "# by hand", "username: partner"} {
		if !strings.Contains(string(text), kept) {
			t.Errorf("%q is gone:\n%s", kept, text)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestKongFileThatIsNone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kong.yml")
	keys := []Key{{"new", "ES256", "A"}}
	if _, err := (KongFile{path, "signet"}).Put(t.Context(), keys); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "gateway config kong") {
		t.Errorf("missing: %v", err)
	}
	for _, text := range []string{"", "- a", "a: b", "_format_version: '3.0'\njwt_secrets: x", "\t:", "a: &x [*x]"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := (KongFile{path, "signet"}).Put(t.Context(), keys); !errors.Is(err, ErrKongFile) {
			t.Errorf("%q: %v", text, err)
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != text {
			t.Errorf("%q became %q, %v", text, after, err)
		}
	}
	if err := os.WriteFile(path, []byte("_format_version: '3.0'\njwt_secrets:\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if changed, err := (KongFile{path, "signet"}).Put(t.Context(), keys); err != nil || !changed {
		t.Errorf("an empty list: %v, %v", changed, err)
	}
}

// kongAdmin answers as the Admin API does, as far as it is asked.
type kongAdmin struct {
	have  []kongCredential
	calls []string
	fail  int // status of what changes something
}

func (a *kongAdmin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.calls = append(a.calls, r.Method+" "+r.URL.Path)
	var body kongCredential
	if r.Method == http.MethodPost || r.Method == http.MethodPatch {
		_ = json.NewDecoder(r.Body).Decode(&body)
	}
	if a.fail != 0 && r.Method != http.MethodGet {
		w.WriteHeader(a.fail)
		return
	}
	id := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	at := slices.IndexFunc(a.have, func(c kongCredential) bool { return c.ID == id })
	switch r.Method {
	case http.MethodGet:
		// One a page, to see that pages are followed.
		page := map[string]any{"data": []kongCredential{}, "next": nil}
		from := max(0, slices.IndexFunc(a.have, func(c kongCredential) bool { return c.ID == r.URL.Query().Get("offset") }))
		if from < len(a.have) {
			page["data"] = a.have[from : from+1]
		}
		if from+1 < len(a.have) {
			page["next"] = r.URL.Path + "?offset=" + a.have[from+1].ID
		}
		_ = json.NewEncoder(w).Encode(page)
	case http.MethodPost:
		body.ID = "id-" + body.Key
		a.have = append(a.have, body)
		w.WriteHeader(http.StatusCreated)
	case http.MethodPatch:
		body.ID = id
		a.have[at] = body
	case http.MethodDelete:
		a.have = slices.Delete(a.have, at, at+1)
		w.WriteHeader(http.StatusNoContent)
	}
}

func TestKongAdmin(t *testing.T) {
	t.Parallel()
	api := &kongAdmin{have: []kongCredential{{"1", "old", "ES256", "O"}, {"2", "same", "ES256", "S"}, {"3", "wrong", "ES256", "?"}}}
	srv := httptest.NewServer(api)
	t.Cleanup(srv.Close)
	a := KongAdmin{srv.URL, "signet", srv.Client()}
	keys := []Key{{"new", "RS256", "N\n"}, {"same", "ES256", "S\n"}, {"wrong", "ES256", "W\n"}}
	for i, want := range []bool{true, false} {
		if changed, err := a.Put(t.Context(), keys); err != nil || changed != want {
			t.Fatalf("%d: %v, %v", i, changed, err)
		}
	}
	want := []kongCredential{{"2", "same", "ES256", "S"}, {"3", "wrong", "ES256", "W\n"}, {"id-new", "new", "RS256", "N\n"}}
	if !slices.Equal(api.have, want) {
		t.Errorf("%+v", api.have)
	}
	// What is new comes before what is old goes.
	i, j := slices.Index(api.calls, "POST /consumers/signet/jwt"), slices.Index(api.calls, "DELETE /consumers/signet/jwt/1")
	if i < 0 || j < i {
		t.Errorf("calls: %q", api.calls)
	}
	for status, says := range map[int]string{http.StatusMethodNotAllowed: "--file", http.StatusForbidden: "403"} {
		api.fail = status
		if _, err := a.Put(t.Context(), append(keys, Key{"more", "ES256", "M"})); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%d: %v", status, err)
		}
	}
	if len(api.have) != 3 {
		t.Errorf("after failures: %+v", api.have)
	}
}
