package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/signet-idp/signet/provider/fault"
)

type address struct {
	City string `json:"city"`
}

type embedded struct {
	Locale string `json:"locale"`
}

type sample struct {
	embedded
	Email    string         `json:"email"`
	Token    string         `json:"token"`
	OldToken string         `json:"reset_token" alias:"token"`
	Age      int            `json:"age"`
	Address  *address       `json:"address"`
	Homes    []address      `json:"homes"`
	Free     map[string]any `json:"free"`
	Skipped  string         `json:"-"`
}

func TestDecode(t *testing.T) {
	cases := map[string]struct {
		body    string
		lenient bool
		field   string // of the error; "-": no field
		want    string // of the error, or the token on success
	}{
		"plain":                      {`{"email":"a@b","token":"t","address":{"city":"x"},"homes":[{"city":"y"}],"locale":"de"}`, false, "", "t"},
		"alias fills an empty field": {`{"reset_token":"old"}`, false, "", "old"},
		"the name itself wins":       {`{"reset_token":"old","token":"new"}`, false, "", "new"},
		"unknown refused":            {`{"x":1}`, false, "x", "is not a known member"},
		"unknown ignored":            {`{"x":{"email":1,"Email":2},"token":"t"}`, true, "", "t"},
		"unknown, inner":             {`{"address":{"zip":1}}`, false, "address.zip", "is not a known member"},
		"dash field is unknown":      {`{"Skipped":"x"}`, false, "Skipped", "is not a known member"},
		"case variant, lenient":      {`{"Email":"a@b"}`, true, "email", "exactly this case"},
		"case variant, inner":        {`{"homes":[{"City":"a"}]}`, true, "homes.city", "exactly this case"},
		"Kelvin sign is a variant":   {"{\"to\u212aen\":\"a\"}", true, "token", "exactly this case"},
		"maps are free":              {`{"free":{"Email":1,"email":2},"token":"t"}`, false, "", "t"},
		"twice":                      {`{"token":"a","token":"b"}`, true, "token", "more than once"},
		"twice, escaped":             {`{"token":"a","\u0074oken":"b"}`, true, "token", "more than once"},
		"twice in a map":             {`{"free":{"a":1,"a":2}}`, true, "free.a", "more than once"},
		"wrong type":                 {`{"age":"x"}`, false, "age", "must be an integer"},
		"too big a number":           {`{"age":1e99}`, false, "age", "must be an integer"},
		"fraction":                   {`{"age":1.5}`, false, "age", "must be an integer"},
		"not an object":              {`[]`, false, "-", "must be an object"},
		"empty value":                {` `, false, "-", "not valid JSON"},
		"two values":                 {`{}{}`, false, "-", "more than one JSON value"},
		"trailing comma":             {`{"age":1,}`, false, "-", "not valid JSON"},
		"comment":                    {`{}//`, false, "-", "more than one"},
		"NaN":                        {`{"age":NaN}`, false, "-", "not valid JSON"},
		"leading zero":               {`{"age":01}`, false, "-", "not valid JSON"},
		"bad UTF-8":                  {"{\"token\":\"\xff\"}", false, "-", "UTF-8"},
		"NUL":                        {`{"token":"a\u0000"}`, false, "-", "NUL"},
		"raw NUL":                    {"{\"token\":\"a\x00\"}", false, "-", "not valid JSON"},
		"lone surrogate":             {`{"token":"\ud800"}`, false, "-", "surrogate"},
		"lone low surrogate":         {`{"token":"\udc00"}`, false, "-", "surrogate"},
		"surrogate pair":             {`{"token":"\ud83d\ude00"}`, false, "", "😀"},
		"deep":                       {`{"free":` + strings.Repeat(`{"a":`, 31) + "1" + strings.Repeat("}", 31) + `,"token":"t"}`, false, "", "t"},
		"too deep":                   {`{"free":` + strings.Repeat(`[`, 32) + strings.Repeat("]", 32) + `}`, false, "-", "nested too deeply"},
		"too many members":           {manyMembers(1025), false, "-", "too many members"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var v sample
			err := decode([]byte(c.body), &v, c.lenient, nil)
			if c.field == "" {
				if err != nil || v.Token != c.want {
					t.Fatalf("token %q, error %v", v.Token, err)
				}
				return
			}
			f, ok := errors.AsType[*fault.Error](err)
			if !ok || f.Code != fault.Invalid || len(f.Fields) != 1 {
				t.Fatalf("error %v", err)
			}
			if !strings.Contains(err.Error(), c.want) || c.field != "-" && f.Fields[0].Field != c.field {
				t.Errorf("error %v on field %q", err, f.Fields[0].Field)
			}
		})
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	b.WriteString(`{"free":{`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"k` + strings.Repeat("x", i) + `":1`)
	}
	b.WriteString(`}}`)
	return b.String()
}

func TestDecodeThroughTheFrame(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) error {
		var v sample
		if err := Decode(r, &v); err != nil {
			return err
		}
		return WriteJSON(w, 200, v.Email)
	}
	strict := get("strict", "/strict", h)
	strict.Methods = []string{"POST"}
	legacy := strict
	legacy.Name, legacy.Path, legacy.Legacy = "legacy", "/legacy", true
	f := mount(t, nil, strict, legacy)
	if w := f.do("POST", "/strict", `{"email":"a","x":1}`); w.Code != 422 {
		t.Errorf("strict: %d %s", w.Code, w.Body)
	}
	if w := f.do("POST", "/legacy", `{"email":"a<b","x":1}`); w.Code != 200 || w.Body.String() != "\"a<b\"\n" {
		t.Errorf("legacy: %d %s", w.Code, w.Body)
	}
	if w := f.do("POST", "/legacy", ""); w.Code != 422 || !strings.Contains(w.Body.String(), `"type":"missing"`) {
		t.Errorf("no body: %d %s", w.Code, w.Body)
	}
}

// FuzzScan holds the scanner against encoding/json's own tokenizer: they accept
// the same texts, but for what the scanner is there to refuse.
func FuzzScan(f *testing.F) {
	for _, s := range []string{
		`{}`, `[1,2.5e-3,-0]`, `{"a":{"a":[]},"b":null}`, `{"a":1,"a":2}`, `"\ud83d\ude00"`, `"\ud800x"`, `"\u0000"`, `01`, `{"a":1,}`,
		` true `, `{"a" : "\"\\\/\b\f\n\r\t"}`, "\"\xff\"", `{"A":1,"a":2}`, `[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := scanner{data: data}
		got := s.document(nil) == nil
		if want := oracle(data); got != want {
			t.Errorf("scanner accepts: %v, oracle: %v: %q", got, want, data)
		}
	})
}

// oracle says by other means whether a text is acceptable.
func oracle(data []byte) bool {
	if !utf8.Valid(data) || !json.Valid(data) || !goodEscapes(data) {
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	type level struct {
		names map[string]bool // nil in a list
		key   bool            // the next string is a name
	}
	var stack []level
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return true
		}
		if err != nil {
			return false
		}
		top := func() *level {
			if len(stack) == 0 {
				return &level{}
			}
			return &stack[len(stack)-1]
		}
		if l := top(); l.names != nil && l.key {
			if name, ok := tok.(string); ok {
				if l.names[name] || len(l.names) >= maxMembers {
					return false
				}
				l.names[name], l.key = true, false
				continue
			}
		}
		switch tok {
		case json.Delim('{'):
			stack = append(stack, level{names: map[string]bool{}, key: true})
		case json.Delim('['):
			stack = append(stack, level{})
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:len(stack)-1]
			top().key = true
		default:
			top().key = true
		}
		if len(stack) > maxDepth {
			return false
		}
	}
}

// goodEscapes refuses, in a valid text, the escapes that encoding/json replaces
// or lets through.
func goodEscapes(data []byte) bool {
	for rest := data; ; {
		at := bytes.IndexByte(rest, '\\')
		if at < 0 {
			return true
		}
		rest = rest[at:]
		if rest[1] != 'u' {
			rest = rest[2:]
			continue
		}
		unit := strings.ToLower(string(rest[2:6]))
		rest = rest[6:]
		switch {
		case unit == "0000", unit >= "dc00" && unit <= "dfff":
			return false
		case unit >= "d800" && unit < "dc00":
			if len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' {
				return false
			}
			if low := strings.ToLower(string(rest[2:6])); low < "dc00" || low > "dfff" {
				return false
			}
			rest = rest[6:]
		}
	}
}
