package pages

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// filled are all pages with s in every place where a stranger's words go. The
// leading letter keeps each value from being empty, so that all pages have the
// same elements whatever s is.
func filled(s string) []pageCase {
	s = "x" + s
	client := Client{Name: s, LogoURI: "https://cdn.test/" + s, PolicyURI: "https://app.test/" + s, TOSURI: "https://app.test/" + s}
	form := Form{Transaction: s, CSRF: s}
	account := Account{Name: s, Email: s}
	return []pageCase{
		{"login", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Login(w, 200, LoginView{Form: form, Client: client, Username: s, Error: LoginError(s)})
		}},
		{"consent", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Consent(w, 200, ConsentView{Form: form, Client: client, Account: account, Organization: s, Scopes: []Scope{{s, s}}})
		}},
		{"logout", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Logout(w, 200, LogoutView{Form: form, Client: client, Account: account})
		}},
		{"logged out", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.LoggedOut(w, 200, LoggedOutView{Client: client, ReturnURI: "https://app.test/"})
		}},
		{"error", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Error(w, 400, ErrorView{Code: s, Description: s, Parameter: s, ErrorID: s})
		}},
		{"form post", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.FormPost(w, 200, FormPostView{Client: client, RedirectURI: "https://app.test/cb", Fields: []Field{{s, s}}})
		}},
		{"factor", func(r *Renderer, w http.ResponseWriter, b Base) error {
			way := Way{ID: s, Kind: "email", Name: s, Destination: s}
			return r.Factor(w, 200, FactorView{Form: form, Client: client, Way: way, Others: []Way{way}, Challenge: s, Options: s, Refusal: Refusal{Error: FactorError(s)}})
		}},
		{"enrol", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Enrol(w, 200, EnrolView{Form: form, Client: client, Kind: "sms", Destination: s, Refusal: Refusal{Error: FactorErrorDestination}})
		}},
		{"enrol code", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Enrol(w, 200, EnrolView{Form: form, Client: client, Kind: "email", Destination: s, Enrolment: s})
		}},
		{"backup codes", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.BackupCodes(w, 200, CodesView{Codes: []string{s}, Continue: PathSecurity})
		}},
		{"security", func(r *Renderer, w http.ResponseWriter, b Base) error {
			seat := Seat{ID: s, Name: s, App: s, Address: s, Last: testTime}
			agent := Seat{ID: s, Browser: s, System: s, Last: testTime}
			factor := OwnFactor{Way: Way{ID: s, Kind: "email", Name: s, Destination: s}, Added: testTime}
			return r.Security(w, 200, SecurityView{
				Form: form, Account: account, Factors: []OwnFactor{factor}, Passkeys: []OwnFactor{factor}, Devices: []Seat{seat, agent}, Sessions: []Seat{seat, agent},
				Said: Said(s), Error: SecurityError(s), Open: s,
			})
		}},
		{"change password", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.ChangePassword(w, 200, AccountView{Form: form, Email: s, Error: AccountError(s)})
		}},
		{"redirecting", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Redirecting(w, 200, RedirectingView{Client: client, RedirectURI: "https://app.test/cb"})
		}},
	}
}

// skeleton is the page as a browser's parser sees it, without words and values:
// elements and the names of their attributes. A value that stays a value
// cannot change it.
func skeleton(t testing.TB, page string) string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		b.WriteString("\n" + n.Data)
		for _, a := range n.Attr {
			b.WriteString(" " + a.Key)
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc" {
				t.Errorf("attribute %s=%q", a.Key, a.Val)
			}
			if a.Key == "href" || a.Key == "src" || a.Key == "action" {
				if !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "https://") {
					t.Errorf("%s leads to %q", a.Key, a.Val)
				}
			}
		}
	}
	return b.String()
}

// sameSkeleton draws every page with s and with a harmless word and compares.
// The words of a client's links may be refused as a whole: they get a value of
// their own kind in TestClientLinks, and so the harmless page loses them too.
func sameSkeleton(t testing.TB, r *Renderer, s string) {
	t.Helper()
	hostile, harmless := filled(s), filled("")
	for i, c := range hostile {
		got, want := draw(t, r, c, Base{}).Body.String(), draw(t, r, harmless[i], Base{}).Body.String()
		if g, w := skeleton(t, withoutLinks(got)), skeleton(t, withoutLinks(want)); g != w {
			t.Errorf("%s: %.80q changes the page:\n%s\ninstead of\n%s", c.name, s, got, w)
		}
	}
}

// withoutLinks takes out the elements that exist only when an address is good.
func withoutLinks(page string) string {
	var lines []string
	for line := range strings.Lines(page) {
		if strings.Contains(line, `id="client-`) || strings.Contains(line, `class="tile"`) || strings.Contains(line, `class="links"`) || line == "</footer>\n" {
			continue
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "")
}

var hostileStrings = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onfocus=alert(1) autofocus='`, `</title><script>alert(1)</script>`,
	`--><script>`, `{{.}}`, `{app}`, "\u202eevil\u2066", "a\x00b", "\r\nSet-Cookie: a=b", `&lt;script&gt;`, `javascript:alert(1)`,
	`</textarea></style></script>`, "\u2028\u2029", `<!--`, `]]>`, "`${alert(1)}`", "\xff\xfe<", strings.Repeat("<b>", 3000), "\n<footer>",
}

func TestHostileValues(t *testing.T) {
	r := newRenderer(t, Options{})
	for _, s := range hostileStrings {
		sameSkeleton(t, r, s)
	}
}

func FuzzViews(f *testing.F) {
	for _, s := range hostileStrings {
		f.Add(s)
	}
	r := newRenderer(f, Options{})
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > maxHidden-1 {
			return
		}
		sameSkeleton(t, r, s)
	})
}

// TestFormPostKeepsValues: what the client gets is what it would have got in
// an address, whatever is in it.
func TestFormPostKeepsValues(t *testing.T) {
	r := newRenderer(t, Options{})
	for _, s := range append(hostileStrings, strings.Repeat("é", 20_000)) {
		if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\r") {
			continue // no form can carry these unchanged
		}
		w := httptest.NewRecorder()
		if err := r.FormPost(w, 200, FormPostView{RedirectURI: testRedirect, Fields: []Field{{"state", s}}}); err != nil {
			t.Fatal(err)
		}
		if got := inputs(t, w.Body.String())["state"]; got != s {
			t.Errorf("state %.60q arrives as %.60q", s, got)
		}
	}
}

// inputs are the values of the form's fields by name.
func inputs(t testing.TB, page string) map[string]string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]string)
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "input" && n.Data != "button" {
			continue
		}
		attr := make(map[string]string)
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
		}
		if attr["name"] != "" {
			values[attr["name"]] += attr["value"]
		}
	}
	return values
}

// TestLongNamesAreCut: no page grows with its strings, whatever they are.
func TestLongNamesAreCut(t *testing.T) {
	r := newRenderer(t, Options{})
	long := strings.Repeat("&", 10_000)
	for _, c := range filled(long) {
		if c.name == "form post" {
			continue // carries its fields uncut
		}
		w := httptest.NewRecorder()
		if err := c.write(r, w, Base{}); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		body := w.Body.String()
		body = strings.ReplaceAll(body, html.EscapeString("x"+long), "") // the two hidden fields
		limit := 12 << 10
		if c.name == "security" { // a list of lists
			limit = 24 << 10
		}
		if len(body) > limit {
			t.Errorf("%s: %d bytes", c.name, len(body))
		}
	}
}

func ExampleRenderer_Login() {
	r, err := New(Options{})
	if err != nil {
		panic(err)
	}
	w := httptest.NewRecorder()
	err = r.Login(w, http.StatusOK, LoginView{
		Base:        Base{Locale: r.Locale("", "fr-CA, en;q=0.8")},
		Form:        Form{Transaction: "sealed", CSRF: "token"},
		Client:      Client{Name: "Acme Orders"},
		RedirectURI: "https://orders.acme.test/callback",
	})
	fmt.Println(err, w.Code, w.Header().Get("Content-Language"))
	// Output: <nil> 200 fr
}
