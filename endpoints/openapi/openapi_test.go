package openapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/signet-idp/signet/endpoints/openapi"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/internal/testkit/fakeclock"
)

var update = flag.Bool("update", false, "write golden files")

// Base is embedded: its members are the object's own.
type Base struct {
	ID string `json:"id" format:"uuid" doc:"Which one."`
}

// Thing has a member of every kind.
type Thing struct {
	Base
	Name     *string          `json:"name" doc:"A name & <more>."`
	Part     Part             `json:"part"`
	Maybe    *Part            `json:"maybe"`
	Parts    []Part           `json:"parts"`
	Self     []*Thing         `json:"self"`
	Tags     []string         `json:"tags"`
	Numbers  map[string]int64 `json:"numbers"`
	Anything any              `json:"anything"`
	Free     map[string]any   `json:"free"`
	Count    int              `json:"count"`
	Ratio    *float64         `json:"ratio"`
	On       bool             `json:"on"`
	MadeAt   *string          `json:"made_at"`
	Time     time.Time        `json:"time"`
	State    string           `json:"state" enum:"new,old"`
	Mood     *string          `json:"mood" enum:"good,bad"`
	Raw      json.RawMessage  `json:"raw"`
	Now      string           `json:"now,omitempty"`
	Hidden   string           `json:"-"`
	secret   string
}

// Part is a named struct inside another.
type Part struct {
	Size int64 `json:"size"`
}

// NewThing is a request.
type NewThing struct {
	Name      string `json:"name" required:"true" example:"anvil"`
	Password  string `json:"password"`
	Pass      string `json:"pass" alias:"password"`
	Size      *int64 `json:"size"`
	Part      *Part  `json:"part"`
	Mandatory string `json:"mandatory" required:"true"`
	Other     string `json:"other_mandatory" alias:"mandatory"`
}

// ThingQuery pages and filters.
type ThingQuery struct {
	web.PageQuery
	Q string `json:"q" required:"true" doc:"Words."`
}

func routes() []web.Route {
	_ = Thing{}.secret
	handler := func(http.ResponseWriter, *http.Request) error { return nil }
	return []web.Route{
		{
			Name: "listThings", Summary: "Things", Tags: []string{"Things"}, Methods: []string{"GET"}, Path: "/things", Legacy: true,
			Auth: web.BearerOneOf("things", "admin"), Handler: handler, Query: web.TypeOf[ThingQuery](),
			Response: web.TypeOf[map[string][]Thing](), Items: web.TypeOf[Thing](), Errors: []string{"ORG_001", "400 AUTH_011"},
		},
		{
			Name: "makeThing", Summary: "Make one", Tags: []string{"Things"}, Methods: []string{"POST"}, Path: "/things", Legacy: true,
			Auth: web.Bearer("things"), Handler: handler, Request: web.TypeOf[NewThing](), Response: web.TypeOf[Thing](), Status: 201, Idempotent: true,
			Answers: map[int]reflect.Type{202: nil}, Errors: []string{"USER_002"},
		},
		{
			Name: "thing", Summary: "One", Tags: []string{"Things", "More"}, Methods: []string{"GET", "POST"}, Path: "/things/{thing_id}/{kind:[a-z]+}/{client_id}",
			Auth: web.HandlerChecks("a test"), Handler: handler, Response: web.TypeOf[*Thing](), Tagged: true, RateClass: web.RateToken,
		},
		{
			Name: "exchange", Summary: "Exchange", Tags: []string{"OAuth"}, Methods: []string{"POST"}, Path: "/oauth2/exchange", Style: web.OAuth,
			Auth: web.ClientAuth(), Handler: handler, Request: web.TypeOf[Part](), Errors: []string{"invalid_client", "invalid_grant"},
		},
		{Name: "page", Summary: "Page", Methods: []string{"GET"}, Path: "/ui/page", Style: web.Page, Auth: web.Public(), Handler: handler, Hidden: true},
		{Name: "text", Summary: "Text", Tags: []string{"OAuth"}, Methods: []string{"GET"}, Path: "/text", Auth: web.LoopbackOrBearer("metrics:read"), Handler: handler, Produces: "text/plain"},
	}
}

func options() openapi.Options {
	return openapi.Options{Issuer: "https://id.example.com/base", Version: "1.2.3", Scopes: map[string]string{"things": "Things"}, Statuses: map[string]int{"USER_002": 400}}
}

func build(t *testing.T, o openapi.Options) []byte {
	t.Helper()
	doc, err := openapi.Build(routes(), o)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(body, '\n')
}

func TestDocument(t *testing.T) {
	got := build(t, options())
	for range 5 {
		if !bytes.Equal(got, build(t, options())) {
			t.Fatal("the same routes give another document")
		}
	}
	const golden = "testdata/document.json"
	if *update {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Error(d)
	}
	doc, err := openapi3.NewLoader().LoadFromData(got)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestBareLists(t *testing.T) {
	o := options()
	o.BareLists = true
	doc, err := openapi.Build(routes(), o)
	if err != nil {
		t.Fatal(err)
	}
	if s := doc.Paths["/things"].Get.Responses["200"].Content["application/json"].Schema; len(s.Type) != 1 || s.Type[0] != "array" || s.Items.Ref != "#/components/schemas/Thing" {
		t.Errorf("%+v", s)
	}
}

func TestAMethodWithoutAPlace(t *testing.T) {
	_, err := openapi.Build([]web.Route{{Name: "x", Methods: []string{"TRACE"}, Path: "/x", Auth: web.Public()}}, options())
	if err == nil || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("%v", err)
	}
}

// TestPage: whole and self-contained, with every link inside leading somewhere.
func TestPage(t *testing.T) {
	table := web.NewTable()
	table.Add(routes()...)
	h := &openapi.Handler{Options: options()}
	h.Mount(table)
	if err := h.Prepare(table); err != nil {
		t.Fatal(err)
	}
	server, err := table.Mount(web.Options{Issuer: options().Issuer, Clock: fakeclock.New(time.Unix(1, 0))})
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d", path, w.Code)
		}
		return w
	}
	w := get("/base/docs")
	page := w.Body.String()
	if csp := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; style-src 'self';") || strings.Contains(csp, "unsafe") {
		t.Errorf("Content-Security-Policy %q", csp)
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "style=") || regexp.MustCompile(`(src|href)="https?:`).MatchString(page) {
		t.Error("the page holds a script, inline style or a foreign asset")
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if ids[m[1]] {
			t.Errorf("id %q twice", m[1])
		}
		ids[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if !ids[m[1]] {
			t.Errorf("#%s leads nowhere", m[1])
		}
	}
	for _, text := range []string{
		`href="/base/docs/style.css"`, "A name &amp; &lt;more&gt;.", "bearer one of things admin", "-H &#34;Authorization: Bearer $TOKEN&#34;",
		`-d &#39;{&#34;name&#34;:&#34;anvil&#34;}&#39;`, `<a href="#schema-Thing">Thing</a>`, "/api/v1/things",
	} {
		if !strings.Contains(page, text) {
			t.Errorf("the page lacks %q", text)
		}
	}
	if w := get("/base/docs/style.css"); !strings.HasPrefix(w.Header().Get("Content-Type"), "text/css") {
		t.Errorf("%v", w.Header())
	}
	if w := get("/base/api/v1/openapi.json"); w.Header().Get("Access-Control-Allow-Origin") != "*" || !json.Valid(w.Body.Bytes()) {
		t.Errorf("%v", w.Header())
	}
}
