package pages

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/provider/notify"
)

func captured(t *testing.T) *notify.Capture {
	t.Helper()
	c := &notify.Capture{}
	for _, d := range []notify.Delivery{
		{ID: "m1", Content: notify.Content{Channel: notify.Email, Kind: notify.VerifyEmail, To: "alice@acme.test", Subject: "Confirm <b>", Text: "Hello\n\nhttps://id.test/ui/verify-email?token=a&b\n", HTML: "<script>alert(1)</script>", Link: "https://id.test/ui/verify-email?token=a&b"}},
		{ID: "m2", Content: notify.Content{Channel: notify.SMS, Kind: notify.ConfirmPhone, To: "+4915112345678", Text: "123456 is your code", Link: ""}},
	} {
		d.CreatedAt = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		if err := c.Send(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func showInbox(t *testing.T, query, accept string) *httptest.ResponseRecorder {
	t.Helper()
	i := &Inbox{Renderer: newRenderer(t, Options{}), Messages: captured(t)}
	req, w := httptest.NewRequest(http.MethodGet, PathInbox+query, nil), httptest.NewRecorder()
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	if err := i.show(w, req); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestInboxPage(t *testing.T) {
	w := showInbox(t, "", "text/html,application/xhtml+xml")
	body := w.Body.String()
	for _, want := range []string{
		`id="inbox-page"`, `data-to="alice@acme.test"`, "Confirm &lt;b&gt;", `<a href="https://id.test/ui/verify-email?token=a&amp;b">`,
		"&lt;script&gt;alert(1)&lt;/script&gt;", "Text message", "123456 is your code", "2 Jan 2026, 03:04:05 UTC",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("lacks %s:\n%s", want, body)
		}
	}
	if strings.Index(body, "m2") > strings.Index(body, "m1") {
		t.Error("not the newest first")
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("CSP: %s", csp)
	}
	if empty := showInbox(t, "?to=nobody@acme.test", "").Body.String(); !strings.Contains(empty, `id="inbox-empty"`) {
		t.Errorf("%s", empty)
	}
}

func TestInboxAsJSON(t *testing.T) {
	for _, c := range [][2]string{{"?format=json&to=ALICE@acme.test", ""}, {"?to=alice@acme.test", "application/json"}} {
		w := showInbox(t, c[0], c[1])
		var got map[string][]map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Header().Get("Content-Type") != "application/json" {
			t.Fatalf("%v: %s", err, w.Body)
		}
		if len(got["messages"]) != 1 {
			t.Fatalf("%s", w.Body)
		}
		m := got["messages"][0]
		links, _ := m["links"].([]any)
		if m["id"] != "m1" || m["channel"] != "email" || m["created_at"] != "2026-01-02T03:04:05.000000Z" || len(links) != 1 || len(m) != 9 {
			t.Errorf("%v", m)
		}
	}
	if body := showInbox(t, "?format=json&to=%2B4915112345678", "").Body.String(); !strings.Contains(body, `"links":[]`) {
		t.Errorf("%s", body)
	}
}
