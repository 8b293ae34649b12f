package main

import (
	"strings"
	"testing"

	"github.com/signet-idp/signet/cmd/signet/config"
	"github.com/signet-idp/signet/internal/testkit/mailsink"
)

func TestDoctorShakesHandsWithTheMailServer(t *testing.T) {
	sink := mailsink.Open(t, mailsink.Options{User: "signet", Password: "hunter2", STARTTLS: true})
	wrong := strings.Replace(sink.URL, "hunter2", "hunter3", 1)
	for name, c := range map[string]struct {
		url, from, ca string
		dev           bool
		status, says  string
	}{
		"fine":           {sink.URL, "id@acme.test", sink.CA, false, fine, "smtp://signet@127.0.0.1"},
		"wrong password": {wrong, "id@acme.test", sink.CA, false, failed, "535"},
		"unknown CA":     {sink.URL, "id@acme.test", "", false, failed, "certificate"},
		"nobody there":   {"smtp://127.0.0.1:1", "id@acme.test", "", false, failed, "refused"},
		"no such file":   {sink.URL, "id@acme.test", "/nowhere", false, failed, "/nowhere"},
		"sender":         {sink.URL, "Signet <no-reply@localhost>", sink.CA, false, warning, "no-reply@localhost"},
		"none":           {"", "id@acme.test", "", false, warning, "503"},
		"development":    {"", "id@acme.test", "", true, fine, "/dev/inbox"},
	} {
		cfg := &config.Config{Dev: c.dev}
		cfg.SMTP.URL, cfg.SMTP.From, cfg.Fetch.ExtraCA = config.Secret(c.url), c.from, c.ca
		f := checkMail(t.Context(), cfg)
		if f.Status != c.status || !strings.Contains(f.Detail, c.says) || strings.Contains(f.Detail, "hunter") {
			t.Errorf("%s: %+v", name, f)
		}
		if f.Status != fine && f.Fix == "" {
			t.Errorf("%s: no fix", name)
		}
	}
	if len(sink.Messages()) != 0 {
		t.Error("doctor sent mail")
	}
}
