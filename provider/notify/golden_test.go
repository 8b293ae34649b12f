package notify_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-idp/signet/provider/notify"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// every kind on every channel it knows.
var every = []struct {
	kind    notify.Kind
	channel notify.Channel
}{
	{notify.VerifyEmail, notify.Email},
	{notify.AlreadyRegistered, notify.Email},
	{notify.ResetPassword, notify.Email},
	{notify.RecoveryLink, notify.Email},
	{notify.PasswordChanged, notify.Email},
	{notify.ConfirmNewEmail, notify.Email},
	{notify.EmailChanged, notify.Email},
	{notify.ConfirmPhone, notify.SMS},
	{notify.PhoneChanged, notify.Email},
	{notify.PhoneChanged, notify.SMS},
	{notify.Invitation, notify.Email},
	{notify.AccountDeleted, notify.Email},
	{notify.UnlockAccount, notify.Email},
	{notify.NewDevice, notify.Email},
	{notify.SignInCode, notify.Email},
	{notify.SignInCode, notify.SMS},
	{notify.FactorAdded, notify.Email},
	{notify.FactorRemoved, notify.Email},
	{notify.FactorsReset, notify.Email},
	{notify.BackupCodesReplaced, notify.Email},
	{notify.BackupCodeUsed, notify.Email},
}

func render(t testing.TB, s *notify.Service, store *memory, m notify.Message) notify.Delivery {
	t.Helper()
	if err := s.Queue(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	d := open(t, store.rows[len(store.rows)-1])
	store.rows = nil
	return d
}

func filled(kind notify.Kind, channel notify.Channel, locale string) notify.Message {
	m := notify.Message{Channel: channel, Kind: kind, To: "alice@acme.test", Locale: locale, Values: notify.Values{
		Token: "sgl_token", Code: "123456", Email: "alice@new.example", Phone: "+4915112345678", Organization: "Acme Inc.", Inviter: "Bob Öztürk",
		Role: "admin", Until: epoch.Add(24 * time.Hour), At: epoch, Device: "Firefox on Linux", Address: "2001:db8::1",
		Factor: "totp", Count: 9,
	}}
	if channel == notify.SMS {
		m.To = "+4915198765432"
	}
	return m
}

func TestGolden(t *testing.T) {
	store := &memory{}
	s := service(t, store)
	for _, lang := range []string{"en", "de", "fr", "es"} {
		for _, e := range every {
			name := string(e.kind) + "." + lang
			if e.channel == notify.SMS {
				name += ".sms"
			}
			t.Run(name, func(t *testing.T) {
				d := render(t, s, store, filled(e.kind, e.channel, lang))
				if d.Locale != lang || d.Kind != e.kind || d.Channel != e.channel {
					t.Errorf("%s %s %s", d.Locale, d.Kind, d.Channel)
				}
				golden(t, name+".txt", d.Text)
				if e.channel == notify.Email {
					golden(t, name+".html", d.HTML)
					proper(t, d)
				}
			})
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("differs from %s (run with -update when meant):\n%s", file, diff)
	}
}

var remote = regexp.MustCompile(`(?i)<(img|script|link|iframe|object|form|base)\b|url\(|@import|src=`)

// proper holds for every mail.
func proper(t *testing.T, d notify.Delivery) {
	t.Helper()
	if d.Subject == "" || !strings.HasPrefix(d.Text, d.Subject+"\n\n") || strings.ContainsAny(d.Subject, "\r\n{}") {
		t.Errorf("subject %q", d.Subject)
	}
	for what, s := range map[string]string{"text": d.Text, "HTML": d.HTML} {
		if strings.Contains(s, "{{") || strings.Contains(s, "<no value>") || strings.Contains(s, "ZgotmplZ") || strings.Contains(s, "\n\n\n") {
			t.Errorf("%s: a hole in\n%s", what, s)
		}
	}
	if remote.MatchString(d.HTML) {
		t.Errorf("HTML loads something: %s", remote.FindString(d.HTML))
	}
	if d.Link == "" {
		return
	}
	if !strings.HasPrefix(d.Link, issuer+"/ui/") && d.Link != issuer+"/account/security" || !strings.Contains(d.Text, "\n"+d.Link+"\n") || strings.Count(d.HTML, `href="`+d.Link+`"`) != 2 || !strings.Contains(d.HTML, ">"+d.Link+"</a>") {
		t.Errorf("link %s", d.Link)
	}
}

func TestLinks(t *testing.T) {
	for base, want := range map[string]string{
		"https://id.example":             "https://id.example/ui/recover?token=a%26b%3D%22",
		"https://id.example/":            "https://id.example/ui/recover?token=a%26b%3D%22",
		"https://example.com/auth/realm": "https://example.com/auth/realm/ui/recover?token=a%26b%3D%22",
		"http://localhost:8001":          "http://localhost:8001/ui/recover?token=a%26b%3D%22",
	} {
		store := &memory{}
		s := service(t, store, func(d *notify.Deps) { d.Issuer = base })
		m := filled(notify.ResetPassword, notify.Email, "en")
		m.Values.Token = `a&b="`
		if d := render(t, s, store, m); d.Link != want {
			t.Errorf("%s: %s", base, d.Link)
		}
	}
	for _, bad := range []string{"", "id.example", "ftp://id.example", "https://"} {
		if _, err := notify.New(notify.Deps{Store: &memory{}, Key: cipher(t), Issuer: bad}); err == nil {
			t.Errorf("%q passes", bad)
		}
	}
}

func TestLanguages(t *testing.T) {
	store := &memory{}
	s := service(t, store)
	for asked, want := range map[string]string{
		"": "en", "de": "de", "de-AT": "de", "fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5": "fr", "pt, es;q=0.5": "es",
		"ja": "en", "x; drop": "en", strings.Repeat("de,", 1000): "de", strings.Repeat("x", 1000): "en", "es-419": "es",
	} {
		if d := render(t, s, store, filled(notify.VerifyEmail, notify.Email, asked)); d.Locale != want {
			t.Errorf("%.40q: %s, want %s", asked, d.Locale, want)
		}
	}
}

func TestHostileNames(t *testing.T) {
	store := &memory{}
	s := service(t, store)
	for given, want := range map[string]string{
		"Acme Inc.":                              "Acme Inc.",
		"St. Gallen & Söhne <AG>":                "St. Gallen & Söhne <AG>",
		"Win http://evil.example":                "Win http evil. example",
		"Win HTTPS://evil.example/x?y":           "Win HTTPS evil. example/x?y",
		"evil。example":                           "evil。 example",
		"www.evil.example":                       "www. evil. example",
		"//evil.example":                         "evil. example",
		`\\evil.example\x`:                       `evil. example\x`,
		"mailto:me@evil.example":                 "mailto: me@ evil. example",
		"a\r\nBcc: b":                            "a Bcc: b",
		"a\u202eb\u2066c\u200bd\x00":             "abcd",
		"{organization} {{.Token}} %s":           "{organization} {{. Token}} %s",
		"=?utf-8?q?=0D=0A?=":                     "= ?utf-8?q?=0D=0A?=",
		"Family 👩\u200d👧":                        "Family 👩\u200d👧",
		strings.Repeat("ä", 65):                  strings.Repeat("ä", 63) + "…",
		strings.Repeat("a.", 40):                 strings.TrimSpace(strings.Repeat("a. ", 21)) + "…",
		"Z" + strings.Repeat("\u0301", 50) + "!": "Z" + strings.Repeat("\u0301", 4) + "!",
		"\u202e\u200b":                           "…",
		"\xff\xfeAcme":                           "Acme",
	} {
		m := filled(notify.Invitation, notify.Email, "en")
		m.Values.Organization = given
		d := render(t, s, store, m)
		if d.Subject != "Invitation to "+want || !strings.Contains(d.Text, "to join "+want+" at id.example") {
			t.Errorf("%q: %q", given, d.Subject)
		}
		if strings.Contains(d.HTML, "<AG>") || remote.MatchString(d.HTML) {
			t.Errorf("%q in HTML:\n%s", given, d.HTML)
		}
	}
}

func TestMasks(t *testing.T) {
	for given, want := range map[string]string{
		"alice@new.example": "a•••@n•••.example", "ä@b.co.uk": "ä•••@b•••.uk", "a@localhost": "a•••@l•••", "nonsense": "•••",
	} {
		if got := notify.MaskEmail(given); got != want {
			t.Errorf("%s: %s, want %s", given, got, want)
		}
	}
	if got := notify.MaskPhone("+4915112345678"); got != "•••• 78" {
		t.Error(got)
	}
	if got := notify.MaskPhone("+123"); got != "••••" {
		t.Error(got)
	}
}
