package apply

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	f, err := Parse("x.yaml", []byte(`
organizations: [{slug: acme, name: Acme Inc}]
users:
  - email: alice@acme.test
    email_verified: true
    name: Alice Example
    birthdate: 2001-02-03
    address: {country: FR}
    organizations: [{slug: acme, roles: [owner]}]
resources:
  - identifier: https://api.acme.test
    scopes: [{name: "orders:read", description: Read orders}, orders]
    token_lifetime: 300
clients:
  - client_id: web
    redirect_uris: ["http://127.0.0.1:9000/callback"]
    first_party: true
    default_max_age: 0
    jwks: {keys: [{kty: EC, n: 1}]}
    claim_rules: [{claim: tier, value: {gold: [1, true]}, in: [id_token]}]
`))
	if err != nil {
		t.Fatal(err)
	}
	u, c := f.Users[0], f.Clients[0]
	if want := map[string]any{"name": "Alice Example", "birthdate": "2001-02-03", "address": map[string]any{"country": "FR"}}; !cmp.Equal(u.Profile, want) {
		t.Error(cmp.Diff(want, u.Profile))
	}
	if u.EmailVerified == nil || !*u.EmailVerified || u.Roles != nil {
		t.Errorf("%+v", u)
	}
	if f.Resources[0].Scopes[1].Name != "orders" || f.Resources[0].TokenLifetime != 300 {
		t.Errorf("%+v", f.Resources[0])
	}
	if c.DefaultMaxAge == nil || *c.DefaultMaxAge != 0 || string(c.JWKS) != `{"keys":[{"kty":"EC","n":1}]}` || !c.FirstParty {
		t.Errorf("%+v", c)
	}
	for _, empty := range []string{"", "# nothing\n", "---\n", "null\n", "users:\n"} {
		if f, err := Parse("x.yaml", []byte(empty)); err != nil || len(f.Users) != 0 {
			t.Errorf("%q: %v %v", empty, f, err)
		}
	}
}

func TestParseSaysWhere(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no YAML", "users: [", "x.yaml:1:1: no YAML: did not find expected node content"},
		{"not a mapping", "- a\n", "x.yaml:1:1: write a mapping"},
		{"unknown name", "user: []\n", "x.yaml:1:1: user: unknown name; did you mean users?"},
		{"unknown without a guess", "xyzzy: []\n", "x.yaml:1:1: xyzzy: unknown name; there are clients, gates, organizations, resources, roles, users, webhooks"},
		{"unknown below", "clients:\n  - client_id: a\n    redirect_uri: x\n", "x.yaml:3:5: clients[0].redirect_uri: unknown name; did you mean redirect_uris?"},
		{"unknown profile claim", "users:\n  - emial: x\n", "x.yaml:2:5: users[0].emial: unknown name; did you mean email?"},
		{"twice", "users: []\nusers: []\n", "x.yaml:2:1: users: this name stands here twice"},
		{"kind of list", "users: {}\n", "x.yaml:1:8: users: write a list"},
		{"kind of text", "users:\n- email: 5\n", `x.yaml:2:10: users[0].email: write text: put the value in quotes`},
		{"kind of flag", "users:\n- email_verified: \"yes\"\n", "x.yaml:2:19: users[0].email_verified: write true or false"},
		{"kind of number", "resources:\n- token_lifetime: 5m\n", "x.yaml:2:19: resources[0].token_lifetime: write a whole number"},
		{"empty item", "users:\n-\n", "x.yaml:2:2: users[0]: this item is empty"},
		{"alias", "users: &a\n- *a\n", "x.yaml:1:8: users: aliases and anchors are not read; write the value out"},
		{"merge", "users:\n- <<: {email: a}\n", "x.yaml:2:3: users[0].<<: a name is text, and << is not read"},
		{"two documents", "users: []\n---\nusers: []\n", "x.yaml:1:1: one document only"},
		{"infinity", "clients:\n- claim_rules: [{claim: a, value: .inf}]\n", "x.yaml:2:35: clients[0].claim_rules[0].value: write a number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("x.yaml", []byte(c.text))
			var e *Error
			if !errors.As(err, &e) || len(e.Problems) != 1 || e.Problems[0].String() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestParseFindsEverything(t *testing.T) {
	_, err := Parse("x.yaml", []byte("users:\n- email: 1\n- email: 2\nclients: 3\nwhat: 4\n"))
	var e *Error
	if !errors.As(err, &e) || len(e.Problems) != 4 {
		t.Fatalf("got %v", err)
	}
	for i := 1; i < len(e.Problems); i++ {
		if e.Problems[i-1].Line > e.Problems[i].Line {
			t.Errorf("not in the order of the file:\n%v", err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("users:\n- email: a@b.c\n  name: A\n"))
	f.Add(demoFile)
	f.Add([]byte("a: &a [*a, *a]"))
	f.Add([]byte("clients:\n- jwks: {keys: [{x: !!binary aGk=}]}\n"))
	f.Add([]byte("{users: [{email: x, ? [a] : b}]}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("x.yaml", data)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || len(e.Problems) == 0 || strings.Contains(err.Error(), "%!") {
				t.Fatalf("an error without a place: %v", err)
			}
			return
		}
		// What was read can be written and read again as the same.
		text, err := file.YAML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse("y.yaml", text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		one, _ := json.Marshal(file)
		two, _ := json.Marshal(again)
		if string(one) != string(two) {
			t.Fatalf("read  %s\nagain %s\n%s", one, two, text)
		}
	})
}
