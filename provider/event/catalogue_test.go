package event_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/signet-idp/signet/provider/event"
)

// secretName finds member names that sound as if they held a secret.
func secretName(name string) bool {
	return regexp.MustCompile(`(?i)token|passw|pwd|secret|code|hash|\bkey$|otp|cookie|nonce|verifier|challenge|private|credential$`).MatchString(name)
}

func TestSecretNameFindsSecrets(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"refresh_token", "password", "client_secret", "code", "backup_codes", "password_hash", "key", "otp", "nonce", "code_verifier"} {
		if !secretName(name) {
			t.Errorf("secretName(%q) = false", name)
		}
	}
}

func TestNoMemberCanHoldASecret(t *testing.T) {
	t.Parallel()
	for _, e := range event.Catalogue() {
		for name := range e.Data {
			if secretName(name) {
				t.Errorf("%s: member %q sounds like a secret", e.Type, name)
			}
			if slices.Contains(event.PersonalNames(), name) {
				t.Errorf("%s: member %q is personal, but in Data", e.Type, name)
			}
		}
	}
	for _, name := range event.PersonalNames() {
		if secretName(name) {
			t.Errorf("personal member %q sounds like a secret", name)
		}
	}
}

func TestCatalogueEntriesAreComplete(t *testing.T) {
	t.Parallel()
	typeName := regexp.MustCompile(`^[a-z]+(\.[a-z_]+)$`)
	member := regexp.MustCompile(`^[a-z][a-z_]{0,31}$`)
	kinds := []event.Kind{event.ID, event.URI, event.Enum, event.List, event.Count, event.Instant, event.Flag, event.JWS}
	classes := []event.Class{event.ClassAudit, event.ClassSecurity, event.ClassAccount, event.ClassUsage}
	seen := map[string]bool{}
	for _, e := range event.Catalogue() {
		if !typeName.MatchString(string(e.Type)) {
			t.Errorf("type %q is not noun.verb", e.Type)
		}
		for _, name := range append([]string{string(e.Type)}, e.Aliases...) {
			if seen[name] {
				t.Errorf("%q is declared twice", name)
			}
			seen[name] = true
		}
		if !slices.Contains(classes, e.Class) || e.Subject == "" || e.Topic == "" || !strings.HasSuffix(e.Doc, ".") {
			t.Errorf("%s: class %q, subject %q, topic %q, doc %q", e.Type, e.Class, e.Subject, e.Topic, e.Doc)
		}
		for name, kind := range e.Data {
			if !member.MatchString(name) || !slices.Contains(kinds, kind) {
				t.Errorf("%s: member %q of kind %q", e.Type, name, kind)
			}
		}
	}
}

// TestEveryTypeIsDeclared reads the constants from the source, so that a new
// one cannot be forgotten in the catalogue.
func TestEveryTypeIsDeclared(t *testing.T) {
	t.Parallel()
	declared := map[string]bool{}
	for _, e := range event.Catalogue() {
		declared[string(e.Type)] = true
	}
	file, err := parser.ParseFile(token.NewFileSet(), "types.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	constants := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			name, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			constants[name] = true
		}
		return true
	})
	for name := range constants {
		if !declared[name] {
			t.Errorf("%s is a constant, but not in the catalogue", name)
		}
	}
	for name := range declared {
		if !constants[name] {
			t.Errorf("%s is in the catalogue, but no constant", name)
		}
	}
}

// The names that consumers of the system before this one listen to.
func TestContractedTypes(t *testing.T) {
	t.Parallel()
	var names []string
	for _, e := range event.Catalogue() {
		names = append(names, string(e.Type))
		names = append(names, e.Aliases...)
	}
	for _, want := range strings.Fields(`
		user.created user.updated user.login user.logout user.profile_updated organization.created
		organization.user_added organization.settings_updated auth.permission_changed auth.suspicious_activity
		auth.account_locked user.deleted user.status_changed user.email_verified user.password_changed
		user.password_reset_requested user.login_failed auth.login_failed organization.updated organization.deleted
		organization.user_removed organization.role_changed organization.invitation_created
		organization.invitation_accepted mfa.method_setup mfa.method_removed mfa.verification_completed
		mfa.backup_codes_regenerated session.created session.revoked token.revoked token.reuse_detected
		client.created client.updated client.deleted key.rotated policy.changed federation.linked scim.synced`) {
		if !slices.Contains(names, want) {
			t.Errorf("%s is missing", want)
		}
	}
}

func TestEveryTypeIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range event.Catalogue() {
		var members []string
		for name, kind := range e.Data {
			members = append(members, name+" "+string(kind))
		}
		slices.Sort(members)
		row := "| `" + string(e.Type) + "` | " + string(e.Subject) + " | " + string(e.Class) + " | " + strings.Join(members, ", ") + " | " + e.Doc + " |"
		if !strings.Contains(string(text), row+"\n") {
			t.Errorf("docs/events.md lacks the row\n%s", row)
		}
	}
}
