package auth

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/signet-idp/signet/provider/token"
)

// TestLongLists: of a list that no header holds whole, each entry that is told
// is one of the list.
func TestLongLists(t *testing.T) {
	t.Parallel()
	var roles []string
	for i := range 400 {
		roles = append(roles, fmt.Sprintf("admin-of-%d-readonly", i*i))
	}
	h := http.Header{}
	identity(h, &token.Verified{Claims: token.Claims{Roles: roles, Scope: roles}})
	for name, separator := range map[string]string{"X-Signet-Roles": ",", "Remote-Groups": ",", "X-Auth-Request-Groups": ",", "X-Signet-Scope": " "} {
		told := strings.Split(h.Get(name), separator)
		if len(h.Get(name)) > maxHeader || len(told) < 150 || !slices.Equal(told, roles[:len(told)]) {
			t.Errorf("%s: %d bytes, %d entries, the last %q", name, len(h.Get(name)), len(told), told[len(told)-1])
		}
	}
}
