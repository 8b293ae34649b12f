package webhooks_test

import (
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares an answer with a file; what differs each time is replaced by
// its kind.
func golden(t *testing.T, name string, got map[string]any) {
	t.Helper()
	raw, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw) + "\n"
	for pattern, kind := range map[string]string{
		`[0-9a-f]{8}-[0-9a-f-]{27}`: "(id)", `"\d{4}-\d\d-\d\dT[0-9:.]{15}Z"`: `"(time)"`, `whsec_[A-Za-z0-9+/]{43}=`: "whsec_(random)",
		`http://127\.0\.0\.1:\d+`: "(receiver)", `"(duration_ms|seq|from|to)": \d+`: `"$1": "(number)"`,
	} {
		text = regexp.MustCompile(pattern).ReplaceAllString(text, kind)
	}
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// receiver keeps what it is told; status is what it answers.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	heads  []http.Header
	bodies []string
}

func newReceiver(t *testing.T, status int) *receiver {
	t.Helper()
	r := &receiver{status: status}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heads, r.bodies = append(r.heads, req.Header.Clone()), append(r.bodies, string(body))
	w.WriteHeader(r.status)
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) got() (heads []http.Header, bodies []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]http.Header(nil), r.heads...), append([]string(nil), r.bodies...)
}

// world has two organizations, their owners, and an operator.
type world struct {
	*harness.Instance
	t            *testing.T
	acme, globex storage.Organization
	owner        storage.User
	tokens       map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Instance: harness.Start(t, harness.Options{Contract: true}), t: t, tokens: map[string]string{}}
	const password = "correct horse battery"
	w.owner = w.User(t, "owner@acme.test", password)
	stranger, root := w.User(t, "stranger@globex.test", password), w.User(t, "root@signet.test", password, access.SystemAdmin)
	member, admin, manager := w.User(t, "member@acme.test", password), w.User(t, "admin@acme.test", password), w.User(t, "manager@signet.test", password, access.SystemManager)
	w.acme, w.globex = w.Organization(t, "acme", w.owner.ID), w.Organization(t, "globex", stranger.ID)
	for id, role := range map[string]string{member.ID: access.Member, admin.ID: access.Admin} {
		if _, err := w.Organizations.AddMember(t.Context(), access.Root(), w.acme.ID, id, []string{role}, "admin"); err != nil {
			t.Fatal(err)
		}
	}
	w.Client(t, "app", storage.ClientMetadata{TokenEndpointAuthMethod: "none", FirstParty: true, Scope: "openid account organizations admin"})
	for name, u := range map[string]storage.User{
		"owner": w.owner, "stranger": stranger, "root": root, "member": member, "admin": admin, "manager": manager,
	} {
		scope := "openid organizations"
		if name == "root" || name == "manager" {
			scope += " admin"
		}
		w.tokens[name] = w.AccessToken(t, u.ID, "app", scope)
	}
	return w
}

// call makes a request as somebody and checks status and error code.
func (w *world) call(who, method, path string, body any, status int, code string) map[string]any {
	w.t.Helper()
	got, answer, header := w.JSON(w.t, method, path, w.tokens[who], body)
	if have, _ := answer["error_code"].(string); got != status || have != code {
		w.t.Errorf("%s: %s %s: %d %s, want %d %s: %v", who, method, path, got, have, status, code, answer)
	}
	if who != "" && header.Get("Cache-Control") != "no-store" && status < 300 {
		w.t.Errorf("%s %s: Cache-Control %q", method, path, header.Get("Cache-Control"))
	}
	return answer
}

func TestShapes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, place := range map[string]struct{ who, base string }{
		"system": {"root", "/admin/v1/webhooks"}, "organization": {"owner", "/organizations/" + w.acme.ID + "/webhooks"},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.t = t
			in := newReceiver(t, http.StatusOK)
			made := w.call(place.who, http.MethodPost, place.base, map[string]any{
				"url": in.URL + "/in", "events": []string{"organization.*", "user.created"}, "description": "To the CRM",
			}, http.StatusCreated, "")
			golden(t, name+"-created", made)
			one := place.base + "/" + made["id"].(string)
			got := w.call(place.who, http.MethodGet, one, nil, http.StatusOK, "")
			golden(t, name+"-one", got)
			list := w.call(place.who, http.MethodGet, place.base, nil, http.StatusOK, "")
			golden(t, name+"-list", list)
			for what, answer := range map[string]any{"one": got, "the list": list} {
				if raw, _ := json.Marshal(answer); strings.Contains(string(raw), "whsec_") || strings.Contains(string(raw), `"secret"`) {
					t.Errorf("%s holds the secret: %s", what, raw)
				}
			}
			golden(t, name+"-test", w.call(place.who, http.MethodPost, one+"/test", nil, http.StatusOK, ""))
			golden(t, name+"-rotated", w.call(place.who, http.MethodPost, one+"/rotate-secret", map[string]any{"overlap": 60}, http.StatusOK, ""))
			golden(t, name+"-disabled", w.call(place.who, http.MethodPatch, one, map[string]any{"status": "disabled", "events": []string{"*"}}, http.StatusOK, ""))
			w.call(place.who, http.MethodPost, one+"/replay", map[string]any{"after": 0}, http.StatusConflict, "REQ_004")
			w.call(place.who, http.MethodPatch, one, map[string]any{"status": "enabled", "events": []string{"organization.*"}}, http.StatusOK, "")

			w.settled()
			golden(t, name+"-replayed", func() map[string]any {
				// Of one event: organization.created of acme.
				seq := w.seqOf("organization.created", w.acme.ID)
				return w.call(place.who, http.MethodPost, one+"/replay", map[string]any{"from": seq, "to": seq}, http.StatusOK, "")
			}())
			var deliveries map[string]any
			harness.Eventually(t, 10*time.Second, "it is delivered", func() bool {
				deliveries = w.call(place.who, http.MethodGet, one+"/deliveries?state=delivered", nil, http.StatusOK, "")
				return len(deliveries["deliveries"].([]any)) == 1
			})
			golden(t, name+"-deliveries", deliveries)
			id := deliveries["deliveries"].([]any)[0].(map[string]any)["id"].(string)
			w.call(place.who, http.MethodPost, one+"/deliveries/"+id+"/retry", nil, http.StatusOK, "")
			harness.Eventually(t, 10*time.Second, "it is delivered again", func() bool {
				heads, _ := in.got()
				n := 0
				for _, h := range heads {
					if h.Get("Webhook-Id") == id {
						n++
					}
				}
				return n == 2
			})
			w.call(place.who, http.MethodDelete, one, nil, http.StatusNoContent, "")
			w.call(place.who, http.MethodGet, one, nil, http.StatusNotFound, "REQ_003")
		})
	}
}

// settled waits until everything recorded is fanned out.
func (w *world) settled() {
	w.t.Helper()
	harness.Eventually(w.t, 10*time.Second, "the events are fanned out", func() bool {
		waiting, err := w.Store.UnsequencedEvents(w.t.Context(), 1)
		last, err2 := w.Store.LastEvent(w.t.Context())
		at, err3 := w.Store.EventCursor(w.t.Context(), "webhooks")
		return err == nil && err2 == nil && err3 == nil && len(waiting) == 0 && at == last.Seq
	})
}

func (w *world) seqOf(kind, subject string) int64 {
	w.t.Helper()
	list, err := w.Store.EventsAfter(w.t.Context(), 0, 500)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range list {
		if e.Type == kind && e.Subject == subject {
			return e.Seq
		}
	}
	w.t.Fatalf("no %s of %s", kind, subject)
	return 0
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := newReceiver(t, http.StatusOK)
	acme, system := "/organizations/"+w.acme.ID+"/webhooks", "/admin/v1/webhooks"
	valid := map[string]any{"url": in.URL, "events": []string{"user.created"}}
	own := w.call("owner", http.MethodPost, acme, valid, http.StatusCreated, "")["id"].(string)
	top := w.call("root", http.MethodPost, system, valid, http.StatusCreated, "")["id"].(string)
	none := storage.NewID()

	// Who may: owners and administrators of the organization, operators anywhere.
	for who, want := range map[string]struct {
		status int
		code   string
	}{
		"owner": {200, ""}, "admin": {200, ""}, "root": {200, ""}, "member": {403, "AUTH_010"}, "stranger": {404, "ORG_001"}, "": {401, "AUTH_011"},
		"manager": {403, "AUTH_010"}, // sees organizations, and nothing of their webhooks
	} {
		w.call(who, http.MethodGet, acme, nil, want.status, want.code)
	}
	w.call("manager", http.MethodGet, system, nil, http.StatusForbidden, "AUTH_010")
	w.call("owner", http.MethodGet, system, nil, http.StatusForbidden, "AUTH_010")

	// Another's is none at all, on either side.
	for _, c := range []struct{ who, path string }{
		{"owner", acme + "/" + top},
		{"owner", acme + "/" + none},
		{"owner", acme + "/no-id"},
		{"root", system + "/" + own},
		{"stranger", "/organizations/" + w.globex.ID + "/webhooks/" + own},
	} {
		w.call(c.who, http.MethodGet, c.path, nil, http.StatusNotFound, "REQ_003")
		w.call(c.who, http.MethodPatch, c.path, map[string]any{"description": "x"}, http.StatusNotFound, "REQ_003")
		w.call(c.who, http.MethodDelete, c.path, nil, http.StatusNotFound, "REQ_003")
		w.call(c.who, http.MethodPost, c.path+"/rotate-secret", nil, http.StatusNotFound, "REQ_003")
		w.call(c.who, http.MethodPost, c.path+"/test", nil, http.StatusNotFound, "REQ_003")
		w.call(c.who, http.MethodGet, c.path+"/deliveries", nil, http.StatusNotFound, "REQ_003")
		w.call(c.who, http.MethodPost, c.path+"/deliveries/"+none+"/retry", nil, http.StatusNotFound, "REQ_003")
		w.call(c.who, http.MethodPost, c.path+"/replay", map[string]any{"after": 0}, http.StatusNotFound, "REQ_003")
	}

	one := acme + "/" + own
	for name, c := range map[string]struct {
		method, path string
		body         any
	}{
		"no body":         {http.MethodPost, acme, nil},
		"no events":       {http.MethodPost, acme, map[string]any{"url": in.URL}},
		"a bad URL":       {http.MethodPost, acme, map[string]any{"url": "ftp://x", "events": []string{"*"}}},
		"an unknown type": {http.MethodPost, acme, map[string]any{"url": in.URL, "events": []string{"user.vanished"}}},
		"a bad status":    {http.MethodPatch, one, map[string]any{"status": "paused"}},
		"no overlap":      {http.MethodPost, one + "/rotate-secret", map[string]any{"overlap": -1}},
		"a long overlap":  {http.MethodPost, one + "/rotate-secret", map[string]any{"overlap": 1 << 50}},
		"no stretch":      {http.MethodPost, one + "/replay", map[string]any{}},
		"two stretches":   {http.MethodPost, one + "/replay", map[string]any{"after": 1, "from": 1}},
		"backwards":       {http.MethodPost, one + "/replay", map[string]any{"from": 5, "to": 4}},
		"no seq":          {http.MethodPost, one + "/replay", map[string]any{"from": 0}},
		"the largest seq": {http.MethodPost, one + "/replay", map[string]any{"after": int64(1<<63 - 1)}},
		"to nowhere":      {http.MethodPost, one + "/replay", map[string]any{"after": 0, "to": 0}},
		"a bad state":     {http.MethodGet, one + "/deliveries?state=lost", nil},
		"a bad cursor":    {http.MethodGet, one + "/deliveries?cursor=x", nil},
		"a page":          {http.MethodGet, one + "/deliveries?page=2", nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.t = t
			w.call("owner", c.method, c.path, c.body, http.StatusUnprocessableEntity, "REQ_001")
		})
	}
	w.call("owner", http.MethodPost, one+"/deliveries/"+none+"/retry", nil, http.StatusNotFound, "REQ_003")

	// A change that is meant for another version.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, w.URL+one, strings.NewReader(`{"description":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.tokens["owner"])
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("If-Match", `"7"`)
	resp, err := w.HTTP.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("another version: %d", resp.StatusCode)
	}
}

// A whole server: what happens in an organization reaches its webhook, signed;
// what fails is tried again after five seconds.
func TestToldAndToldAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := newReceiver(t, http.StatusInternalServerError)
	made := w.call("owner", http.MethodPost, "/organizations/"+w.acme.ID+"/webhooks", map[string]any{
		"url": in.URL, "events": []string{"organization.updated"},
	}, http.StatusCreated, "")
	w.call("stranger", http.MethodPatch, "/organizations/"+w.globex.ID, map[string]any{"description": "Others"}, http.StatusOK, "")
	w.call("owner", http.MethodPatch, "/organizations/"+w.acme.ID, map[string]any{"description": "New"}, http.StatusOK, "")
	var heads []http.Header
	var bodies []string
	harness.Eventually(t, 10*time.Second, "the first attempt", func() bool {
		heads, bodies = in.got()
		return len(heads) == 1
	})
	first := time.Now()
	in.answer(http.StatusOK)
	harness.Eventually(t, 15*time.Second, "the second attempt", func() bool {
		heads, bodies = in.got()
		return len(heads) == 2
	})
	if took := time.Since(first); took < 4*time.Second || took > 8*time.Second {
		t.Errorf("tried again after %s", took)
	}
	v, err := standardwebhooks.NewWebhook(made["secret"].(string))
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range heads {
		if err := v.Verify([]byte(bodies[i]), h); err != nil {
			t.Error(err)
		}
		if h.Get("Webhook-Id") != heads[0].Get("Webhook-Id") || !strings.Contains(bodies[i], w.acme.ID) || !strings.Contains(bodies[i], `"organization.updated"`) {
			t.Errorf("%s %s", h, bodies[i])
		}
	}
}
