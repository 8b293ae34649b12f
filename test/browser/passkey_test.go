package browser

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/signet-idp/signet/endpoints/pages"
	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/mfa/passkey"
)

// TestPasskey registers and uses passkeys with Chromium's virtual
// authenticator, on pages that hold nothing but what the script needs.
func TestPasskey(t *testing.T) {
	Run(t, "passkey.mjs", "SITE="+newPasskeySite(t))
}

// passkeySite is the least site that has passkeys: one person, whose passkeys
// it remembers, and forms as the hosted pages write them.
type passkeySite struct {
	party   *passkey.Party
	headers http.Header // of a hosted page
	script  string

	mu     sync.Mutex
	person passkey.Person
}

var passkeyPage = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><head><title>Passkeys</title>
<link rel="icon" href="data:,"><script src="{{.Script}}" defer></script></head><body><main><h1>Passkeys</h1>
{{if .Kind}}<form method="post" action="/passkey/{{.Kind}}" data-passkey="{{.Kind}}" data-options="{{.Options}}" data-conditional="{{.Conditional}}"
 data-text-cancelled="cancelled" data-text-registered="registered already" data-text-failed="failed">
<p role="alert" data-passkey-error hidden></p>
<label for="username">User</label><input id="username" name="username" autocomplete="username webauthn" required>
<input type="hidden" name="passkey"><input type="hidden" name="state" value="{{.State}}">
<button id="start" type="button" data-passkey-start data-passkey-only hidden>Passkey</button>
<button id="submit">Go on</button></form>{{end}}
<p id="result">{{.Result}}</p>
<ul id="codes"><li>aaaa-bbbb</li><li>cccc-dddd</li></ul>
<button id="copy" type="button" hidden data-copy="#codes" data-text="Copied">Copy</button>
<button id="download" type="button" hidden data-download="#codes" data-filename="codes.txt">Download</button>
<button id="print" type="button" hidden data-print>Print</button>
</main></body></html>`))

func newPasskeySite(t *testing.T) string {
	t.Helper()
	r, err := pages.New(pages.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// The hosted pages' own headers and script.
	w := httptest.NewRecorder()
	if err := r.Login(w, http.StatusOK, pages.LoginView{Base: pages.Base{Locale: r.Locale("en", "")}}); err != nil {
		t.Fatal(err)
	}
	script := regexp.MustCompile(`src="([^"]+signet\.js)"`).FindStringSubmatch(w.Body.String())
	if script == nil {
		t.Fatal("the sign-in page has no script")
	}
	s := &passkeySite{headers: w.Header(), script: script[1], person: passkey.Person{Handle: []byte("sixteen bytes ok"), Name: "alice@acme.test", DisplayName: "Alice"}}
	mux := http.NewServeMux()
	mux.Handle("GET "+pages.PathAssets, r.AssetHandler())
	mux.HandleFunc("/passkey/{kind}", s.serve)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	// Passkeys are for names, not for addresses.
	url := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	s.party, err = passkey.New(passkey.Config{RPID: "localhost", RPDisplayName: "Acme", Origins: []string{url}, Clock: clock.System{}, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	return url
}

// serve shows the form of a kind ("create", "get", "codes") or takes it.
func (s *passkeySite) serve(w http.ResponseWriter, req *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind, query := req.PathValue("kind"), req.URL.Query()
	view := map[string]any{"Script": s.script, "Conditional": query.Get("conditional")}
	var options json.RawMessage
	var state []byte
	var err error
	switch {
	case req.Method == http.MethodPost:
		view["Result"] = s.finish(req, kind)
	case kind == "create":
		options, state, err = s.party.Register(req.Context(), s.person)
	case kind == "get":
		options, state, err = s.party.Discover(req.Context())
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if options != nil {
		if rp := query.Get("rp"); rp != "" {
			options = bytes.ReplaceAll(options, []byte(`"localhost"`), []byte(`"`+rp+`"`))
		}
		view["Kind"], view["Options"], view["State"] = kind, string(options), base64.StdEncoding.EncodeToString(state)
	}
	// The page has its own length.
	s.headers.Del("Content-Length")
	for name, values := range s.headers {
		w.Header()[name] = values
	}
	answer(w, passkeyPage.Execute(w, view))
}

// finish is what came of an answer, in words.
func (s *passkeySite) finish(req *http.Request, kind string) string {
	state, err := base64.StdEncoding.DecodeString(req.PostFormValue("state"))
	if err != nil {
		return err.Error()
	}
	sent := json.RawMessage(req.PostFormValue("passkey"))
	if kind == "create" {
		c, err := s.party.FinishRegister(req.Context(), s.person, state, sent)
		if err != nil {
			return err.Error()
		}
		s.person.Credentials = append(s.person.Credentials, c)
		return fmt.Sprint("registered, discoverable ", c.Discoverable, ", by ", c.Transports)
	}
	a, err := s.party.FinishDiscover(req.Context(), state, sent, func(_ context.Context, _, handle []byte) (passkey.Person, error) {
		if !bytes.Equal(handle, s.person.Handle) {
			return passkey.Person{}, errors.New("nobody")
		}
		return s.person, nil
	})
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint("signed in as ", a.Person.Name, " by ", a.AMR())
}
