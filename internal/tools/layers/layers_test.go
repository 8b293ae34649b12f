package layers_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/signet-idp/signet/internal/tools/layers"
)

// The module itself obeys.
func TestModule(t *testing.T) {
	found, err := layers.Check(os.DirFS("../../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

func TestRules(t *testing.T) {
	const self = "github.com/signet-idp/signet/"
	tests := []struct {
		name   string
		file   string
		imp    string
		broken bool
	}{
		{"endpoint uses provider", "endpoints/oidc/token.go", self + "provider/oauth", false},
		{"endpoint routes", "endpoints/oidc/token.go", "github.com/gorilla/mux", false},
		{"endpoint reaches SQL", "endpoints/oidc/token.go", self + "storage/sqlstore", true},
		{"endpoint knows fosite", "endpoints/oidc/token.go", "github.com/ory/fosite", true},
		{"provider uses storage", "provider/user/user.go", self + "storage", false},
		{"provider uses keys", "provider/token/mint.go", self + "keys", false},
		{"provider uses volatile state", "provider/login/limit.go", self + "storage/volatile", false},
		{"provider picks an engine", "provider/login/limit.go", self + "storage/volatile/redis", true},
		{"provider imports upward", "provider/user/user.go", self + "endpoints/web", true},
		{"provider routes", "provider/user/user.go", "github.com/gorilla/mux", true},
		{"provider talks SQL", "provider/user/user.go", "database/sql", true},
		{"oauth wraps fosite", "provider/oauth/token.go", "github.com/ory/fosite/handler/oauth2", false},
		{"below oauth too", "provider/oauth/grant/code.go", "github.com/ory/fosite", false},
		{"user knows fosite", "provider/user/user.go", "github.com/ory/fosite", true},
		{"event publishes", "provider/event/kafka.go", "github.com/twmb/franz-go/pkg/kgo", false},
		{"audit publishes", "provider/audit/log.go", "github.com/twmb/franz-go/pkg/kgo", true},
		{"keys import upward", "keys/ring.go", self + "provider/token", true},
		{"keys sign", "keys/ring.go", "github.com/go-jose/go-jose/v4", false},
		{"old jose", "keys/ring.go", "github.com/go-jose/go-jose/v3", true},
		{"records know an engine", "storage/user.go", self + "storage/sqlstore", true},
		{"records know a driver", "storage/user.go", "github.com/jackc/pgx/v5", true},
		{"engine uses records", "storage/sqlstore/user.go", self + "storage", false},
		{"engine uses a driver", "storage/sqlstore/pg/pool.go", "github.com/jackc/pgx/v5/pgxpool", false},
		{"engine imports upward", "storage/sqlstore/user.go", self + "provider/user", true},
		{"suite uses testing", "storage/storagetest/user.go", "testing", false},
		{"product uses a suite", "provider/user/user.go", self + "storage/storagetest", true},
		{"product uses testing", "provider/user/user.go", "testing", true},
		{"product uses testkit", "provider/user/user.go", self + "internal/testkit/fakeclock", true},
		{"test uses testkit", "provider/user/user_test.go", self + "internal/testkit/fakeclock", false},
		{"gateway verifies", "gateway/verify.go", "github.com/go-jose/go-jose/v4/jwt", false},
		{"gateway grows", "gateway/verify.go", "github.com/google/uuid", true},
		{"gateway reaches in", "gateway/verify.go", self + "provider/token", true},
		{"gateway reads the clock", "gateway/verify.go", self + "internal/clock", true},
		{"clock imports upward", "internal/clock/clock.go", self + "storage", true},
		{"cmd meets all", "cmd/signet/serve.go", self + "storage/sqlstore", false},
		{"cmd uses testkit", "cmd/signet/serve.go", self + "internal/testkit/fakeclock", true},
		{"guessable randomness", "provider/mfa/totp.go", "math/rand/v2", true},
		{"strange folder", "utils/strings.go", "strings", true},
		{"prefix of another name", "provider/user/user.go", "github.com/orygen/x", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := fstest.MapFS{tt.file: {Data: []byte("package x\n\nimport _ \"" + tt.imp + "\"\n")}}
			found, err := layers.Check(root)
			if err != nil {
				t.Fatal(err)
			}
			if broken := len(found) > 0; broken != tt.broken {
				t.Errorf("%s imports %s: findings %v, want any: %t", tt.file, tt.imp, found, tt.broken)
			}
			for _, f := range found {
				if f.Line != 3 || !strings.HasPrefix(f.String(), tt.file+":3: ") {
					t.Errorf("finding points at %s", f)
				}
			}
		})
	}
}

func TestUnreadableSourceIsAnError(t *testing.T) {
	root := fstest.MapFS{"provider/x.go": {Data: []byte("no Go at all")}}
	if _, err := layers.Check(root); err == nil {
		t.Error("a file that cannot be parsed passes")
	}
}
