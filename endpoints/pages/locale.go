package pages

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

//go:embed locales/*.json
var localeFiles embed.FS

// languages in the order of preference when a reader accepts several; the
// first is the default and the one every other catalogue is measured against.
var languages = []string{"en", "de", "fr", "es"}

// Locale is the language of a page, chosen by Renderer.Locale. The zero value
// is the default language.
type Locale struct{ l *locale }

// String is the BCP 47 tag, e.g. "de"; empty for the zero value.
func (l Locale) String() string {
	if l.l == nil {
		return ""
	}
	return l.l.lang
}

func (l Locale) orDefault(all *locales) *locale {
	if l.l == nil {
		return all.byIndex[0]
	}
	return l.l
}

// locale is one language: its words, and the pages in it.
type locale struct {
	lang, dir string
	messages  map[string]string
	templates *template.Template
}

// text is the message for key, or the one for fallback when there is none (or
// nothing), with the replacements of strings.NewReplacer applied. It is for
// words chosen at run time; the fixed ones are compiled into the templates.
func (l *locale) text(key, fallback string, replacements ...string) string {
	m, ok := l.messages[key]
	if !ok {
		m = l.messages[fallback]
	}
	if len(replacements) > 0 {
		m = strings.NewReplacer(replacements...).Replace(m)
	}
	return m
}

type locales struct {
	byIndex []*locale // in the order of languages
	matcher language.Matcher
	pseudo  map[string]*locale // only by their exact name: a matcher takes en-XA for a neighbour of en-GB
}

// maxLanguages bounds, in bytes, what is parsed of a request's languages.
const maxLanguages = 256

// Locale picks the language of a page: the first of ui_locales (OpenID Connect
// Core §3.1.2.1, space-separated BCP 47 tags) that we speak, else the best
// match for the Accept-Language header, else English.
func (r *Renderer) Locale(uiLocales, acceptLanguage string) Locale {
	for _, field := range strings.Fields(cutASCII(uiLocales)) {
		if l := r.locales.pseudo[field]; l != nil {
			return Locale{l}
		}
		tag, err := language.Parse(field)
		if err != nil {
			continue
		}
		if _, i, c := r.locales.matcher.Match(tag); c >= language.High {
			return Locale{r.locales.byIndex[i]}
		}
	}
	tags, _, err := language.ParseAcceptLanguage(cutASCII(acceptLanguage))
	if err != nil || len(tags) == 0 {
		return Locale{r.locales.byIndex[0]}
	}
	_, i, _ := r.locales.matcher.Match(tags...)
	return Locale{r.locales.byIndex[i]}
}

// cutASCII drops the part of a list of languages past the bound.
func cutASCII(s string) string {
	if len(s) <= maxLanguages {
		return s
	}
	s = s[:maxLanguages]
	if i := strings.LastIndexAny(s, ", "); i >= 0 {
		return s[:i]
	}
	return ""
}

func loadLocales(pseudo bool) (*locales, error) {
	all := &locales{pseudo: make(map[string]*locale)}
	var tags []language.Tag
	var english map[string]string
	for _, lang := range languages {
		messages, err := readCatalogue(lang)
		if err != nil {
			return nil, err
		}
		if english == nil {
			english = messages
		}
		if err := sameKeys(english, messages); err != nil {
			return nil, fmt.Errorf("locale %s: %w", lang, err)
		}
		l, err := newLocale(lang, "ltr", messages)
		if err != nil {
			return nil, err
		}
		all.byIndex = append(all.byIndex, l)
		tags = append(tags, language.Make(lang))
	}
	if pseudo {
		accented := pseudoMessages(english)
		for lang, dir := range map[string]string{"en-XA": "ltr", "ar-XB": "rtl"} {
			l, err := newLocale(lang, dir, accented)
			if err != nil {
				return nil, err
			}
			all.pseudo[lang] = l
		}
	}
	all.matcher = language.NewMatcher(tags)
	return all, nil
}

func newLocale(lang, dir string, messages map[string]string) (*locale, error) {
	t, err := parseTemplates(define(messages))
	if err != nil {
		return nil, fmt.Errorf("locale %s: %w", lang, err)
	}
	return &locale{lang: lang, dir: dir, messages: messages, templates: t}, nil
}

func readCatalogue(lang string) (map[string]string, error) {
	body, err := localeFiles.ReadFile("locales/" + lang + ".json")
	if err != nil {
		return nil, fmt.Errorf("locale %s: %w", lang, err)
	}
	var messages map[string]string
	if err := json.Unmarshal(body, &messages); err != nil {
		return nil, fmt.Errorf("locale %s: %w", lang, err)
	}
	for key, m := range messages {
		if m == "" || strings.ContainsAny(m, "<>&\"") {
			return nil, fmt.Errorf("locale %s: %s: empty, or holds markup", lang, key)
		}
	}
	return messages, nil
}

// sameKeys makes a missing translation a failure at start and not a hole in a
// page. Placeholders must match too.
func sameKeys(want, got map[string]string) error {
	for key, w := range want {
		g, ok := got[key]
		if !ok {
			return fmt.Errorf("%s: missing", key)
		}
		if !slices.Equal(placeholders(w), placeholders(g)) {
			return fmt.Errorf("%s: placeholders differ", key)
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			return fmt.Errorf("%s: not in the default language", key)
		}
	}
	return nil
}

// fields are the placeholders a message may hold. The bdi element keeps a name
// in another direction from rearranging the sentence around it.
var fields = map[string]string{
	"{app}":          `<bdi class="name">{{.App}}</bdi>`,
	"{user}":         `<bdi class="name">{{.User}}</bdi>`,
	"{organization}": `<bdi class="name">{{.Organization}}</bdi>`,
	"{host}":         `<bdi class="name">{{.Host}}</bdi>`,
	// Filled by text.
	"{minutes}": "{minutes}",
	"{minimum}": "{minimum}",
	"{inviter}": "{inviter}",
	"{tries}":   "{tries}",
	"{days}":    "{days}",
	"{to}":      "{to}",
	"{count}":   "{count}",
	"{browser}": "{browser}",
	"{system}":  "{system}",
}

// placeholders lists those of a message, sorted; unknown ones as they stand,
// so that a typing error differs from the default language.
func placeholders(message string) []string {
	var found []string
	for {
		_, rest, ok := strings.Cut(message, "{")
		if !ok {
			break
		}
		name, after, _ := strings.Cut(rest, "}")
		found, message = append(found, name), after
	}
	slices.Sort(found)
	return found
}

// define turns messages into named templates.
func define(messages map[string]string) string {
	var pairs []string
	for name, field := range fields {
		pairs = append(pairs, name, field)
	}
	fill := strings.NewReplacer(pairs...)
	var b strings.Builder
	for key, m := range messages {
		fmt.Fprintf(&b, "{{define %q}}%s{{end}}", key, fill.Replace(m))
	}
	return b.String()
}

// accents are look-alikes that stay readable and prove that a string came
// through a catalogue.
var accents = strings.NewReplacer("a", "á", "e", "é", "i", "í", "o", "ó", "u", "ú", "A", "Å", "E", "É", "I", "Î", "O", "Ö", "U", "Û", "n", "ñ", "s", "š", "c", "ç", "y", "ý")

// pseudoMessages makes every message accented, bracketed and about a third
// longer, as translations tend to be, and leaves the placeholders alone.
func pseudoMessages(messages map[string]string) map[string]string {
	out := make(map[string]string, len(messages))
	for key, m := range messages {
		var b strings.Builder
		b.WriteString("⟦")
		for rest := m; rest != ""; {
			before, after, ok := strings.Cut(rest, "{")
			b.WriteString(accents.Replace(before))
			if !ok {
				break
			}
			name, tail, _ := strings.Cut(after, "}")
			b.WriteString("{" + name + "}")
			rest = tail
		}
		b.WriteString(strings.Repeat("·", 1+len(m)/3) + "⟧")
		out[key] = b.String()
	}
	return out
}

// Locales lists the languages of the pages, for discovery.
func (r *Renderer) Locales() []string { return slices.Clone(languages) }
