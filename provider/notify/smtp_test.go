package notify_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/mailsink"
	"github.com/signet-idp/signet/provider/notify"
)

func sender(t testing.TB, sink *mailsink.Sink, change ...func(*notify.SMTPOptions)) *notify.SMTP {
	t.Helper()
	o := notify.SMTPOptions{URL: sink.URL, From: "Signet Größe <no-reply@id.example>"}
	if sink.CA != "" {
		o.Roots = x509.NewCertPool()
		pem, err := os.ReadFile(sink.CA)
		if err != nil {
			t.Fatal(err)
		}
		o.Roots.AppendCertsFromPEM(pem)
	}
	for _, c := range change {
		c(&o)
	}
	s, err := notify.NewSMTP(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func delivery() notify.Delivery {
	return notify.Delivery{ID: "0195-id", CreatedAt: epoch, Content: notify.Content{
		Channel: notify.Email, Kind: notify.VerifyEmail, To: "alice@acme.test", Locale: "de", Subject: "Bestätigen Sie",
		Text: "Grüße\n\nhttps://id.example/ui/verify-email?token=abc\n", HTML: "<p>Grüße</p>", Link: "https://id.example/ui/verify-email?token=abc",
	}}
}

func TestMailAsItArrives(t *testing.T) {
	sink := mailsink.Start(t)
	if err := sender(t, sink).Send(t.Context(), delivery()); err != nil {
		t.Fatal(err)
	}
	m := sink.Wait(t, "alice@acme.test")
	if m.From != "no-reply@id.example" || len(m.To) != 1 || m.Subject != "Bestätigen Sie" || m.Text != delivery().Text || m.HTML != "<p>Grüße</p>" || m.Token() != "abc" {
		t.Errorf("%+v", m)
	}
	from, err := mail.ParseAddress(m.Header.Get("From"))
	if err != nil || from.Name != "Signet Größe" {
		t.Errorf("from %v, %v", from, err)
	}
	for header, want := range map[string]string{
		"Message-Id": "<0195-id@id.example>", "Auto-Submitted": "auto-generated", "Content-Language": "de",
		"Date": "Fri, 02 Jan 2026 03:04:05 +0000", "To": "<alice@acme.test>", "X-Mailer": "", "User-Agent": "", "Mime-Version": "1.0",
	} {
		if got := m.Header.Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	for line := range strings.SplitSeq(string(m.Raw), "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n") {
			t.Errorf("line %q", line)
		}
	}
}

func TestCredentialsTravelEncrypted(t *testing.T) {
	for name, o := range map[string]mailsink.Options{
		"starttls": {User: "signet", Password: "p@ss/word", STARTTLS: true},
		"tls":      {User: "signet", Password: "p@ss/word", TLS: true},
	} {
		t.Run(name, func(t *testing.T) {
			sink := mailsink.Open(t, o)
			s := sender(t, sink)
			if err := s.Probe(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := s.Send(t.Context(), delivery()); err != nil {
				t.Fatal(err)
			}
			if m := sink.Wait(t, "alice@acme.test"); !m.TLS || m.User != "signet" {
				t.Errorf("TLS %v, user %q", m.TLS, m.User)
			}
			// A server that the roots do not vouch for gets nothing.
			if err := sender(t, sink, func(o *notify.SMTPOptions) { o.Roots = x509.NewCertPool() }).Send(t.Context(), delivery()); err == nil || errors.Is(err, notify.ErrRefused) {
				t.Errorf("an unknown certificate: %v", err)
			}
			wrong := strings.Replace(sink.URL, "p%40ss%2Fword", "wrong", 1)
			err := sender(t, sink, func(o *notify.SMTPOptions) { o.URL = wrong }).Send(t.Context(), delivery())
			if err == nil || errors.Is(err, notify.ErrRefused) || !strings.Contains(err.Error(), "535") {
				t.Errorf("a wrong password: %v (the operator can mend it: not the message's fault)", err)
			}
		})
	}
}

// A server elsewhere that does not offer TLS does not get the password.
func TestNoCredentialsInClear(t *testing.T) {
	sink := mailsink.Open(t, mailsink.Options{User: "signet", Password: "secret"})
	_, port, _ := net.SplitHostPort(sink.URL[strings.Index(sink.URL, "@")+1:])
	// The unspecified address is not loopback by its name, and leads here.
	const host = "0.0.0.0"
	if err := sender(t, sink, func(o *notify.SMTPOptions) { o.URL = "smtp://signet:secret@" + host + ":" + port }).Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "STARTTLS") {
		t.Errorf("%v", err)
	}
	if err := sender(t, sink).Probe(t.Context()); err != nil {
		t.Errorf("on this machine: %v", err)
	}
}

func TestRefusalsAndTroubles(t *testing.T) {
	always := func() bool { return true }
	cases := map[string]struct {
		options mailsink.Options
		refused bool
		says    string
	}{
		"no such mailbox": {mailsink.Options{Rcpt: func(to string) error { return mailsink.Reply(550, "<"+to+"> unknown") }}, true, "550"},
		"greylisted":      {mailsink.Options{Rcpt: func(to string) error { return mailsink.Reply(451, to+" later") }}, false, "451"},
		"content refused": {mailsink.Options{Data: func(mailsink.Message) error { return mailsink.Reply(554, "spam for alice@acme.test") }}, true, "554"},
		"full":            {mailsink.Options{Data: func(mailsink.Message) error { return mailsink.Reply(452, "alice@acme.test is full") }}, false, "452"},
		"cut":             {mailsink.Options{Cut: always}, false, "broke"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			sink := mailsink.Open(t, c.options)
			err := sender(t, sink).Send(t.Context(), delivery())
			if err == nil || errors.Is(err, notify.ErrRefused) != c.refused || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
			if err != nil && strings.Contains(err.Error(), "acme") {
				t.Errorf("names the recipient: %v", err)
			}
			if len(sink.Messages()) != 0 {
				t.Error("was delivered")
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		s := sender(t, mailsink.Start(t), func(o *notify.SMTPOptions) { o.URL = "smtp://127.0.0.1:1" })
		if err := s.Send(t.Context(), delivery()); err == nil || errors.Is(err, notify.ErrRefused) {
			t.Errorf("%v", err)
		}
	})
}

// A server that hangs holds up an attempt no longer than its context.
func TestHangingServer(t *testing.T) {
	sink := mailsink.Open(t, mailsink.Options{Hang: true})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- sender(t, sink).Send(ctx, delivery()) }()
	for sink.Attempts() == 0 {
		time.Sleep(time.Millisecond) // until it hangs
	}
	cancel()
	select {
	case err := <-done:
		if err == nil || errors.Is(err, notify.ErrRefused) {
			t.Errorf("%v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("still waiting")
	}
}

// What goes wrong after the server took the message does not send it again.
func TestDeliveredIsDelivered(t *testing.T) {
	var took atomic.Bool
	sink := mailsink.Open(t, mailsink.Options{Data: func(mailsink.Message) error { took.Store(true); return nil }})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := sender(t, sink).Send(ctx, delivery()); err != nil || !took.Load() {
		t.Errorf("%v", err)
	}
}

func TestSMTPOptions(t *testing.T) {
	for _, bad := range []string{
		"", "smtp://", "http://mail.example", "smtp://mail.example/path", "smtp://mail.example:99999", "smtp://mail.example?x=1",
		"smtp://user:p%zz@mail.example",
	} {
		if _, err := notify.NewSMTP(notify.SMTPOptions{URL: bad, From: "a@b.test"}); err == nil {
			t.Errorf("%q passes", bad)
		} else if strings.Contains(err.Error(), "p%zz") {
			t.Errorf("the error holds the password: %v", err)
		}
	}
	if _, err := notify.NewSMTP(notify.SMTPOptions{URL: "smtp://mail.example", From: "nobody"}); err == nil {
		t.Error("no sender passes")
	}
}

func FuzzHeaders(f *testing.F) {
	for _, s := range []string{"Acme", "Acme\r\nBcc: all@evil.test", "a\nb", "x\r\n\r\n<script>", "=?utf-8?q?Acme=0D=0ABcc:x?=", "\u202eevil", strings.Repeat("ß", 200)} {
		f.Add(s, s)
	}
	sink := mailsink.Start(f)
	s := sender(f, sink)
	store := &memory{}
	svc := service(f, store)
	n := 0
	f.Fuzz(func(t *testing.T, organization, inviter string) {
		if organization == "" {
			return
		}
		n++
		to := fmt.Sprintf("p%d@acme.test", n)
		err := svc.Queue(t.Context(), notify.Message{Channel: notify.Email, Kind: notify.Invitation, To: to, Values: notify.Values{
			Organization: organization, Inviter: inviter, Role: organization, Token: "tok", Until: epoch,
		}})
		if err != nil {
			t.Fatal(err)
		}
		d := open(t, store.rows[len(store.rows)-1])
		store.rows = store.rows[:0]
		if err := s.Send(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		m := sink.Wait(t, to)
		if len(m.To) != 1 || m.Subject != d.Subject || m.Text != d.Text || m.HTML != d.HTML || len(m.Links) != 1 || m.Token() != "tok" {
			t.Errorf("queued %q %q\narrived %q %q for %q with %q", d.Subject, d.Text, m.Subject, m.Text, m.To, m.Links)
		}
		for h := range m.Header {
			switch h {
			case "From", "To", "Subject", "Date", "Message-Id", "Mime-Version", "Content-Type", "Content-Language", "Auto-Submitted":
			default:
				t.Errorf("header %s: %s", h, m.Header.Get(h))
			}
		}
	})
}
