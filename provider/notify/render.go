package notify

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	text "text/template"
)

//go:embed templates/mail.html templates/mail.txt
var templateFiles embed.FS

// Content is a rendered message: what is sealed while it waits, and what a
// Sender gets.
type Content struct {
	Channel Channel `json:"channel"`
	Kind    Kind    `json:"kind"`
	To      string  `json:"to"`
	Locale  string  `json:"locale"`  // BCP 47
	Subject string  `json:"subject"` // empty for SMS
	Text    string  `json:"text"`
	HTML    string  `json:"html"` // empty for SMS
	Link    string  `json:"link"` // the one link, or empty
}

type renderer struct {
	issuer  *url.URL
	locales *locales
	html    *template.Template
	text    *text.Template
}

func newRenderer(issuer string) (*renderer, error) {
	u, err := checkIssuer(issuer)
	if err != nil {
		return nil, err
	}
	r := &renderer{issuer: u}
	if r.locales, err = loadLocales(); err != nil {
		return nil, err
	}
	if r.html, err = template.ParseFS(templateFiles, "templates/mail.html"); err != nil {
		return nil, err
	}
	if r.text, err = text.ParseFS(templateFiles, "templates/mail.txt"); err != nil {
		return nil, err
	}
	return r, nil
}

// view is what the templates see.
type view struct {
	Lang, Subject, Action, Link string
	Hint                        string // before the address written out
	Body, Notes                 []phrase
	Footer                      phrase
}

func (r *renderer) render(m Message) (Content, error) {
	spec, ok := kinds[m.Kind]
	if !ok {
		return Content{}, errors.New("no such kind")
	}
	if !slices.Contains(spec.channels, m.Channel) {
		return Content{}, fmt.Errorf("not a kind for %s", m.Channel)
	}
	for _, n := range spec.needs {
		if !m.Values.has(n) {
			return Content{}, fmt.Errorf("%s is missing", n)
		}
	}
	l := r.locales.pick(m.Locale)
	words, values := l.kinds[m.Kind], r.values(l, &m.Values)
	c := Content{Channel: m.Channel, Kind: m.Kind, To: m.To, Locale: l.lang}
	if m.Channel == SMS {
		c.Text = words.text.fill(values).String()
		if slices.Contains(spec.needs, needCode) {
			// Origin-bound one-time codes: browsers offer the code on this host only.
			c.Text += "\n\n@" + r.issuer.Hostname() + " #" + m.Values.Code
		}
		return c, nil
	}
	c.Subject = words.subject.fill(values).String()
	if spec.path != "" {
		token := ""
		if slices.Contains(spec.needs, needToken) {
			token = m.Values.Token
		}
		c.Link = r.link(spec.path, token)
	}
	v := view{
		Lang: l.lang, Subject: c.Subject, Action: words.action.fill(values).String(), Link: c.Link,
		Hint: l.link.String(), Body: fillAll(words.body, values), Notes: fillAll(words.notes, values), Footer: l.footer.fill(values),
	}
	var err error
	if c.HTML, err = execute(r.html, v); err != nil {
		return Content{}, err
	}
	c.Text, err = execute(r.text, v)
	return c, err
}

func (r *renderer) values(l *locale, v *Values) map[string]string {
	values := map[string]string{
		"host": r.issuer.Host, "organization": orElse(name(v.Organization), "…"), "role": l.role(v.Role),
		"until": l.day(v.Until), "at": l.day(v.At), "code": v.Code, "device": name(v.Device), "address": oneLine(v.Address),
		"factor": orElse(l.factors[v.Factor], oneLine(v.Factor)), "count": strconv.Itoa(v.Count),
	}
	values["inviter"] = orElse(name(v.Inviter), values["organization"])
	if v.Email != "" {
		values["email"] = MaskEmail(v.Email)
	}
	if v.Phone != "" {
		values["phone"] = MaskPhone(v.Phone)
	}
	return values
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// link is a page below the issuer, whose path it keeps.
func (r *renderer) link(path, token string) string {
	u := *r.issuer
	u.Path, u.RawPath, u.RawQuery, u.Fragment, u.User = strings.TrimSuffix(u.Path, "/")+path, "", "", "", nil
	if token != "" {
		u.RawQuery = url.Values{"token": {token}}.Encode()
	}
	return u.String()
}

func fillAll(list []phrase, values map[string]string) []phrase {
	out := make([]phrase, len(list))
	for i, p := range list {
		out[i] = p.fill(values)
	}
	return out
}

func execute(t interface {
	Execute(w io.Writer, data any) error
}, v view,
) (string, error) {
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		return "", err
	}
	return b.String(), nil
}
