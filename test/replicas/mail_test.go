package replicas_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/mailsink"
	"github.com/signet-idp/signet/internal/testkit/servers"
	changes "github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/test/harness"
)

func queue(t *testing.T, in *harness.Instance, to string) {
	t.Helper()
	err := in.Change.Do(t.Context(), "test", func(ctx context.Context, c *changes.Change) error {
		return in.Notify.Queue(ctx, notify.Message{
			Channel: notify.Email, Kind: notify.VerifyEmail, To: to, Locale: "de",
			Values: notify.Values{Token: "tok-" + to[:2], Until: c.Now.Add(time.Hour)},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// TestMailOfReplicas: what either replica queues leaves at once and arrives
// once, over an authenticated, encrypted connection, and nothing of it stays.
func TestMailOfReplicas(t *testing.T) {
	sink := mailsink.Open(t, mailsink.Options{User: "signet", Password: "p@ss", STARTTLS: true})
	o := harness.Options{
		DatabaseURL: servers.Postgres(t), MasterKey: harness.MasterKey, Issuer: "http://localhost:9",
		Env: []string{"SIGNET_SMTP_URL=" + sink.URL, "SIGNET_SMTP_FROM=Acme <id@acme.test>", "SIGNET_EXTRA_CA=" + sink.CA},
	}
	pair := []*harness.Instance{harness.Start(t, o), harness.Start(t, o)}
	const each = 15
	slowest := time.Duration(0)
	for i := range each {
		for j, in := range pair {
			to := fmt.Sprintf("%c%d@acme.test", 'a'+j, i)
			began := time.Now()
			queue(t, in, to)
			m := sink.Wait(t, to)
			slowest = max(slowest, time.Since(began))
			if m.From != "id@acme.test" || !m.TLS || m.User != "signet" || !strings.HasPrefix(m.Links[0], "http://localhost:9/ui/verify-email?token=") || m.Header.Get("Content-Language") != "de" {
				t.Errorf("%+v", m)
			}
		}
	}
	t.Logf("from the call to the mail server at most %s", slowest)
	if slowest > 3*time.Second {
		t.Errorf("a mail took %s: it waited for a poll", slowest)
	}
	if n := len(sink.Messages()); n != 2*each {
		t.Errorf("%d messages, want %d", n, 2*each)
	}
	for range 100 {
		if n, err := pair[0].Notify.Waiting(t.Context()); err != nil || n == 0 {
			break
		}
		time.Sleep(20 * time.Millisecond) // the last row goes just after its mail
	}
	if n, err := pair[0].Notify.Waiting(t.Context()); err != nil || n != 0 {
		t.Errorf("%d wait, %v", n, err)
	}
	if status, _ := fetch(t, pair[0].URL+"/dev/inbox?format=json"); status != http.StatusNotFound {
		t.Errorf("/dev/inbox outside development: %d", status)
	}
	if err := pair[0].Notify.Check(notify.SMS); err == nil {
		t.Error("text messages go nowhere, and nobody says so")
	}
}

// TestInboxOfDevelopment: what development captures can be read there, by
// scripts too.
func TestInboxOfDevelopment(t *testing.T) {
	in := harness.Start(t, harness.Options{Dev: true})
	queue(t, in, "alice@acme.test")
	var inbox struct {
		Messages []struct {
			Subject string
			Links   []string
		}
	}
	for deadline := time.Now().Add(10 * time.Second); len(inbox.Messages) == 0; time.Sleep(10 * time.Millisecond) {
		status, body := fetch(t, in.URL+"/dev/inbox?format=json&to=alice@acme.test")
		if status != http.StatusOK || time.Now().After(deadline) {
			t.Fatalf("%d %s", status, body)
		}
		if err := json.Unmarshal([]byte(body), &inbox); err != nil {
			t.Fatal(err)
		}
	}
	if m := inbox.Messages[0]; m.Subject != "Bestätigen Sie Ihre E-Mail-Adresse" || len(m.Links) != 1 || m.Links[0] != in.Issuer+"/ui/verify-email?token=tok-al" {
		t.Errorf("%+v", m)
	}
	if status, body := fetch(t, in.URL+"/dev/inbox"); status != http.StatusOK || !strings.Contains(body, `data-to="alice@acme.test"`) {
		t.Errorf("%d %s", status, body)
	}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, in.URL+"/dev/inbox", nil)
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		t.Error("somebody behind a proxy reads it")
	}
}
