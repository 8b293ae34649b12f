package pages

import (
	"encoding/json"
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestLocale(t *testing.T) {
	r := newRenderer(t, Options{PseudoLocales: true})
	for _, c := range []struct{ name, ui, accept, want string }{
		{"nothing said", "", "", "en"},
		{"accept", "", "de", "de"},
		{"region falls back", "", "fr-CA,en;q=0.5", "fr"},
		{"quality decides", "", "en;q=0.1, es-MX;q=0.9", "es"},
		{"ui_locales comes first", "de", "fr", "de"},
		{"ui_locales in order", "xx fr de", "es", "fr"},
		{"unknown ui_locales leave it to the browser", "ja zh", "es", "es"},
		{"unknown everywhere", "ja", "zh", "en"},
		{"broken", "!!", ";;q=", "en"},
		{"pseudo", "en-XA", "", "en-XA"},
		{"right to left", "ar-XB", "", "ar-XB"},
		{"English stays English beside the pseudo one", "en-GB", "", "en"},
		{"endless", strings.Repeat("de-", 100_000), strings.Repeat("fr,", 100_000), "fr"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := r.Locale(c.ui, c.accept).String(); got != c.want {
				t.Errorf("Locale(%.20q, %.20q) = %s, want %s", c.ui, c.accept, got, c.want)
			}
		})
	}
}

// TestPseudoLocaleOnlyOnRequest: nobody should meet it by a language match.
func TestPseudoLocaleOnlyOnRequest(t *testing.T) {
	r := newRenderer(t, Options{})
	if got := r.Locale("en-XA ar-XB", "ar").String(); got != "en" {
		t.Errorf("got %s", got)
	}
}

// TestEverythingIsTranslated draws every page in the pseudo-language: text
// that is not in its brackets came from a template and not from a catalogue,
// unless it is one of the values that were put in.
func TestEverythingIsTranslated(t *testing.T) {
	r := newRenderer(t, Options{PseudoLocales: true})
	values := map[string]bool{}
	for _, v := range []string{
		"Signet", "A", "Acme Orders", "alice@acme.test", "Alice Example", "Acme Inc", "Read orders", "orders:write", "app.acme.test", "com.example.app:",
		"invalid_request", "redirect_uri: not registered for this client", "0190e5a4-7c1e", "server_error", "No further details.", ErrorExpired, "C",
	} {
		values[v] = true
	}
	bracketed := regexp.MustCompile(`⟦[^⟦⟧]*⟧`)
	for _, c := range pageCases() {
		doc, err := html.ParseWithOptions( // without scripting, what is in a noscript element counts too
			strings.NewReader(draw(t, r, c, Base{Locale: r.Locale("en-XA", "")}).Body.String()), html.ParseOptionEnableScripting(false))
		if err != nil {
			t.Fatal(err)
		}
		for n := range doc.Descendants() {
			text := []string{}
			switch {
			case n.Type == html.TextNode && n.Parent.Data != "bdi" && n.Parent.Data != "code" && n.Parent.Data != "time":
				text = append(text, wholeText(n.Parent))
			case n.Type == html.ElementNode:
				for _, a := range n.Attr {
					if a.Key == "aria-label" || a.Key == "data-text" || a.Key == "data-label" || a.Key == "title" || a.Key == "placeholder" || a.Key == "alt" {
						text = append(text, a.Val)
					}
				}
			}
			for _, s := range text {
				s = strings.TrimSpace(strings.ReplaceAll(bracketed.ReplaceAllString(s, ""), "· Signet", ""))
				if s != "" && !values[s] {
					t.Errorf("%s: %q is not from a catalogue", c.name, s)
				}
			}
		}
	}
}

// wholeText is the text of an element and what is in it, for elements whose
// children are names inside a sentence; of others, only their own.
func wholeText(n *html.Node) string {
	var b strings.Builder
	for c := range n.ChildNodes() {
		switch {
		case c.Type == html.TextNode:
			b.WriteString(c.Data)
		case c.Data == "bdi" && c.FirstChild != nil:
			b.WriteString(c.FirstChild.Data)
		}
	}
	return b.String()
}

// TestCatalogues: complete is checked by New; here, that nothing is left over
// and that translations are translations.
func TestCatalogues(t *testing.T) {
	english, err := readCatalogue("en")
	if err != nil {
		t.Fatal(err)
	}
	var sources strings.Builder
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := templateFiles.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		sources.Write(b)
	}
	chosen := map[string]bool{
		"account.minimum": true, "invitation.lead.anonymous": true, "invitation.signin": true, "invitation.other": true,
		"invitation.error.password": true,
	}
	for _, a := range []Ask{AskVerify, AskConfirm, AskRestore, AskUnlock, AskInvitation} {
		for _, part := range []string{".title", ".lead", ".submit"} {
			chosen[string(a)+part] = true
		}
	}
	for _, told := range allTold() {
		chosen[string(told)+".title"], chosen[string(told)+".lead"] = true, true
	}
	for _, e := range allAccountErrors() {
		chosen["account.error."+string(e)] = true
	}
	for _, s := range allSaid() {
		chosen["security.said."+string(s)] = true
	}
	for _, e := range allSecurityErrors() {
		chosen["security.error."+string(e)] = true
	}
	for _, key := range []string{"security.seat", "security.seat.unknown", "security.sessions.more", "security.codes.left", "security.back"} {
		chosen[key] = true
	}
	for key := range chosen {
		if english[key] == "" {
			t.Errorf("%s is chosen at run time and not there", key)
		}
	}
	for key := range english {
		dynamic := chosen[key] || strings.HasPrefix(key, "login.error.") || strings.HasPrefix(key, "scope.") || strings.HasPrefix(key, "error.title.") || strings.HasPrefix(key, "error.help.") ||
			strings.HasPrefix(key, "mfa.") || strings.HasPrefix(key, "enrol.")
		if !dynamic && !strings.Contains(sources.String(), `{{template "`+key+`" `) {
			t.Errorf("%s is used nowhere", key)
		}
	}
	for _, lang := range languages[1:] {
		messages, err := readCatalogue(lang)
		if err != nil {
			t.Fatal(err)
		}
		same := 0
		for key, m := range messages {
			if m == english[key] {
				same++
			}
		}
		if same > 3 { // "Description", "Error": the same word in both
			t.Errorf("%s: %d messages are still English", lang, same)
		}
	}
	for _, e := range []LoginError{LoginErrorCredentials, LoginErrorMissing, LoginErrorLocked, LoginErrorRateLimited, LoginErrorUnverified, LoginErrorDisabled, LoginErrorFormExpired, LoginErrorUnavailable} {
		if english["login.error."+string(e)] == "" {
			t.Errorf("no words for %s", e)
		}
	}
	for _, code := range []string{ErrorExpired, ErrorUsed, ErrorCookies, ErrorFormExpired, ErrorNotFound, ErrorRateLimited} {
		if english["error.title."+code] == "" || english["error.help."+code] == "" {
			t.Errorf("no words for %s", code)
		}
	}
}

func TestSameKeys(t *testing.T) {
	want := map[string]string{"a": "x {app}", "b": "y"}
	for _, c := range []struct{ name, got string }{
		{"missing", `{"a": "x {app}"}`},
		{"left over", `{"a": "x {app}", "b": "y", "c": "z"}`},
		{"placeholder lost", `{"a": "x", "b": "y"}`},
		{"placeholder misspelt", `{"a": "x {ap}", "b": "y"}`},
	} {
		var got map[string]string
		if err := json.Unmarshal([]byte(c.got), &got); err != nil {
			t.Fatal(err)
		}
		if sameKeys(want, got) == nil {
			t.Errorf("%s: accepted", c.name)
		}
	}
	if err := sameKeys(want, map[string]string{"a": "{app} x", "b": "z"}); err != nil {
		t.Error(err)
	}
}

// TestRetryAfterInMinutes: rounded up, since "in 0 min" is no help.
func TestRetryAfterInMinutes(t *testing.T) {
	body := draw(t, newRenderer(t, Options{}), findCase(t, "login_locked"), Base{}).Body.String()
	if !strings.Contains(body, "in about 15 min.") {
		t.Error(body)
	}
}
