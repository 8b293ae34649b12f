package notify

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
)

//go:embed locales/*.json
var localeFiles embed.FS

// languages in the order of preference when a reader accepts several; the
// first is the default and the one every other catalogue is measured against.
var languages = []string{"en", "de", "fr", "es"}

// maxLanguages bounds, in bytes, what is parsed of a recipient's languages.
const maxLanguages = 256

// catalogue is the file of one language.
type catalogue struct {
	Months  []string          `json:"months"`
	Date    string            `json:"date"`   // {day} {month} {year} {time}
	Link    string            `json:"link"`   // before the address that a button leads to
	Footer  string            `json:"footer"` // last line of every mail
	Roles   map[string]string `json:"roles"`
	Factors map[string]string `json:"factors"` // by kind of second factor
	Kinds   map[Kind]wording  `json:"kinds"`
}

// wording is one kind in one language.
type wording struct {
	Subject string   `json:"subject"`
	Body    []string `json:"body"`
	Action  string   `json:"action"` // what the link does; kinds with a link
	Notes   []string `json:"notes"`
	Text    string   `json:"text"` // of a text message
}

// locale is a catalogue taken apart.
type locale struct {
	lang         string
	months       []string
	date         phrase
	link, footer phrase
	roles        map[string]string
	factors      map[string]string
	kinds        map[Kind]*phrases
}

type phrases struct {
	subject, action, text phrase
	body, notes           []phrase
}

// part is a piece of a sentence: words of ours, or a value.
type part struct {
	Text  string
	Value bool // a name or the like, which must not rearrange the words around it
}

// phrase is a sentence; a part with Value set holds the placeholder's name.
type phrase []part

// placeholders a sentence may hold.
var placeholders = []string{
	"host", "organization", "inviter", "role", "until", "email", "phone", "code", "at", "device", "address", "factor", "count",
	"day", "month", "year", "time",
}

func parsePhrase(s string) (phrase, error) {
	var p phrase
	for s != "" {
		words, rest, found := strings.Cut(s, "{")
		if words != "" {
			p = append(p, part{Text: words})
		}
		if !found {
			break
		}
		placeholder, after, closed := strings.Cut(rest, "}")
		if !closed || !slices.Contains(placeholders, placeholder) {
			return nil, fmt.Errorf("placeholder {%s", rest)
		}
		p = append(p, part{Text: placeholder, Value: true})
		s = after
	}
	return p, nil
}

// holds lists the placeholders of a phrase, sorted.
func (p phrase) holds() []string {
	var list []string
	for _, part := range p {
		if part.Value {
			list = append(list, part.Text)
		}
	}
	slices.Sort(list)
	return list
}

// fill replaces the placeholders in one pass, so that a value is never taken
// for one.
func (p phrase) fill(values map[string]string) phrase {
	out := make(phrase, len(p))
	for i, part := range p {
		if part.Value {
			part.Text = values[part.Text]
		}
		out[i] = part
	}
	return out
}

// String is the phrase as plain text.
func (p phrase) String() string {
	var b strings.Builder
	for _, part := range p {
		b.WriteString(part.Text)
	}
	return b.String()
}

// day writes a time in the language, in UTC: where a recipient is, we do not know.
func (l *locale) day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.UTC()
	return l.date.fill(map[string]string{
		"day": strconv.Itoa(t.Day()), "month": l.months[t.Month()-1], "year": strconv.Itoa(t.Year()), "time": t.Format("15:04"),
	}).String()
}

func (l *locale) role(role string) string {
	if word, ok := l.roles[role]; ok {
		return word
	}
	return name(role)
}

type locales struct {
	byIndex []*locale // in the order of languages
	matcher language.Matcher
}

// pick finds the language for a BCP 47 tag or an Accept-Language header.
func (l *locales) pick(accepted string) *locale {
	if len(accepted) > maxLanguages {
		accepted = accepted[:strings.LastIndexByte(accepted[:maxLanguages], ',')+1]
	}
	tags, _, err := language.ParseAcceptLanguage(accepted)
	if err != nil || len(tags) == 0 {
		return l.byIndex[0]
	}
	_, i, _ := l.matcher.Match(tags...)
	return l.byIndex[i]
}

func loadLocales() (*locales, error) {
	all := &locales{}
	var tags []language.Tag
	for _, lang := range languages {
		l, err := loadLocale(lang)
		if err != nil {
			return nil, fmt.Errorf("locale %s: %w", lang, err)
		}
		if len(all.byIndex) > 0 {
			if err := sameShape(all.byIndex[0], l); err != nil {
				return nil, fmt.Errorf("locale %s: %w", lang, err)
			}
		}
		all.byIndex = append(all.byIndex, l)
		tags = append(tags, language.Make(lang))
	}
	all.matcher = language.NewMatcher(tags)
	return all, nil
}

func loadLocale(lang string) (*locale, error) {
	file, err := localeFiles.ReadFile("locales/" + lang + ".json")
	if err != nil {
		return nil, err
	}
	var c catalogue
	if err := json.Unmarshal(file, &c); err != nil {
		return nil, err
	}
	if len(c.Months) != 12 {
		return nil, fmt.Errorf("%d months", len(c.Months))
	}
	l := &locale{lang: lang, months: c.Months, roles: c.Roles, factors: c.Factors, kinds: make(map[Kind]*phrases)}
	p := parser{}
	l.date, l.link, l.footer = p.parse(c.Date), p.parse(c.Link), p.parse(c.Footer)
	for kind := range kinds {
		w, ok := c.Kinds[kind]
		if !ok {
			return nil, fmt.Errorf("%s: missing", kind)
		}
		l.kinds[kind] = &phrases{
			subject: p.parse(w.Subject), action: p.parse(w.Action), text: p.parse(w.Text),
			body: p.all(w.Body), notes: p.all(w.Notes),
		}
	}
	return l, p.err
}

// parser keeps the first error.
type parser struct{ err error }

func (p *parser) parse(s string) phrase {
	out, err := parsePhrase(s)
	if err != nil && p.err == nil {
		p.err = err
	}
	return out
}

func (p *parser) all(list []string) []phrase {
	var out []phrase
	for _, s := range list {
		out = append(out, p.parse(s))
	}
	return out
}

// sameShape makes a missing translation a failure at start and not a hole in a
// mail: every phrase there, with the same placeholders.
func sameShape(want, got *locale) error {
	if !slices.Equal(slices.Sorted(maps.Keys(want.roles)), slices.Sorted(maps.Keys(got.roles))) {
		return fmt.Errorf("roles differ")
	}
	if !slices.Equal(slices.Sorted(maps.Keys(want.factors)), slices.Sorted(maps.Keys(got.factors))) {
		return fmt.Errorf("factors differ")
	}
	for kind, w := range want.kinds {
		g := got.kinds[kind]
		if !slices.Equal(w.holds(), g.holds()) {
			return fmt.Errorf("%s: holds %q, the default language %q", kind, g.holds(), w.holds())
		}
	}
	return nil
}

// holds describes what there is to a kind.
func (p *phrases) holds() []string {
	var list []string
	add := func(what string, ps ...phrase) {
		for _, phrase := range ps {
			if len(phrase) > 0 {
				list = append(list, what+" "+strings.Join(phrase.holds(), " "))
			}
		}
	}
	add("subject", p.subject)
	add("body", p.body...)
	add("action", p.action)
	add("note", p.notes...)
	add("text", p.text)
	return list
}
