package secrets_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/signet-idp/signet/internal/tools/secrets"
)

// Put together at run time: this file must pass its own check.
var (
	pem    = "-----BEGIN EC " + "PRIVATE KEY-----\nMHc\n"
	aws    = "AKIA" + strings.Repeat("A1", 8)
	github = "ghp" + "_" + strings.Repeat("a1B2", 9)
	token  = "eyJ" + strings.Repeat("a", 20) + ".eyJ" + strings.Repeat("b", 20) + "." + strings.Repeat("c", 40)
	jwk    = `{"kty":"EC","d` + `":"` + strings.Repeat("x", 43) + `"}`
)

func TestCheck(t *testing.T) {
	tests := []struct {
		name, file, content string
		want                string // empty: no finding
	}{
		{"plain code", "provider/x.go", "package x\n", ""},
		{"private key", "deploy/tls.pem", pem, "deploy/tls.pem:1: looks like a private key"},
		{"private key in test", "keys/ring_test.go", pem, ""},
		{"private key in testdata", "keys/testdata/a.pem", pem, ""},
		{"cloud key", "docs/a.md", "first\nkey " + aws + "\n", "docs/a.md:2: looks like an AWS access key"},
		{"cloud key in test", "keys/ring_test.go", aws, "looks like an AWS"},
		{"code host token", ".ci/run", github, "looks like a GitHub token"},
		{"signed token", "docs/a.md", token, "looks like a signed token"},
		{"signed token in test", "provider/token/verify_test.go", token, ""},
		{"private jwk", "deploy/a.json", jwk, "looks like a private JWK"},
		{"password in URL", "deploy/a.yaml", "postgres://signet:hunter2" + "!@db/signet", "looks like a password in a URL"},
		{"example password in URL", "deploy/a.yaml", "postgres://signet:password@db/signet", ""},
		{"variable in URL", "deploy/a.yaml", "postgres://signet:${PW}@db/signet", ""},
		{"URL without password", "README.md", "https://example.com:8001/a@b", ""},
		{"binary", "docs/a.png", "\x00" + aws, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found, err := secrets.Check(fstest.MapFS{tt.file: {Data: []byte(tt.content)}})
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case tt.want == "" && len(found) > 0:
				t.Errorf("findings %v, want none", found)
			case tt.want != "" && (len(found) != 1 || !strings.Contains(found[0].String(), tt.want)):
				t.Errorf("findings %v, want one with %q", found, tt.want)
			}
			for _, f := range found {
				for _, secret := range []string{aws, github, token, "hunter2"} {
					if strings.Contains(f.String(), secret) {
						t.Error("the finding repeats the secret")
					}
				}
			}
		})
	}
}
