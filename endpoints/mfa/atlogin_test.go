package mfa_test

import (
	"net/http"
	"testing"

	"github.com/signet-idp/signet/test/harness"
)

// TestMailedCodeAtLogin: the code that a login has sent completes the next one
// in one request, once; and the one that waited for it is over.
func TestMailedCodeAtLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{Contract: true})
	token := w.login(ada, nil).text("access_token")
	a := w.want(w.post("/mfa/setup", token, m{"method_type": "email"}), http.StatusOK, "")
	w.want(w.post("/mfa/verify", token, m{"challenge_id": a.text("challenge_id"), "code": w.mailed(ada)}), http.StatusOK, "")

	credentials := m{"email": ada, "password": password, "mfa_code": "000000"}
	w.want(w.post("/auth/login", "", credentials), http.StatusBadRequest, "MFA_003") // nothing was sent
	for _, method := range []string{"", "email", a.text("method_id")} {
		waiting := w.pending(ada)
		code := w.mailed(ada)
		credentials["mfa_method"], credentials["mfa_code"] = method, other(code)
		w.want(w.post("/auth/login", "", credentials), http.StatusUnauthorized, "MFA_002")
		credentials["mfa_code"] = code
		if in := w.want(w.post("/auth/login", "", credentials), http.StatusOK, ""); in.text("access_token") == "" {
			t.Fatalf("method %q: %s", method, in.raw)
		}
		w.want(w.post("/auth/login", "", credentials), http.StatusBadRequest, "MFA_003")
		w.want(w.post("/mfa/challenge", "", m{"mfa_token": waiting.text("mfa_token")}), http.StatusBadRequest, "MFA_003")
	}
}
