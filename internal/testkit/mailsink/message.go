package mailsink

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
)

// Message is a mail as it came.
type Message struct {
	From string   // of the envelope
	To   []string // of the envelope
	User string   // who authenticated
	TLS  bool

	Header  mail.Header
	Subject string // decoded
	Text    string // decoded, with \n
	HTML    string
	Links   []string // http and https addresses in Text, in order
	Raw     []byte
}

// Token is the query parameter "token" of the message's first link that has
// one, or empty.
func (m Message) Token() string {
	for _, l := range m.Links {
		if u, err := url.Parse(l); err == nil && u.Query().Get("token") != "" {
			return u.Query().Get("token")
		}
	}
	return ""
}

var link = regexp.MustCompile(`https?://[^\s<>"]+`)

func (m *Message) parse() error {
	parsed, err := mail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		return err
	}
	m.Header = parsed.Header
	if m.Subject, err = (&mime.WordDecoder{}).DecodeHeader(parsed.Header.Get("Subject")); err != nil {
		return err
	}
	kind, params, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	if !strings.HasPrefix(kind, "multipart/") {
		return m.part(kind, parsed.Header.Get("Content-Transfer-Encoding"), parsed.Body)
	}
	parts := multipart.NewReader(parsed.Body, params["boundary"])
	for {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		kind, _, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil {
			return err
		}
		if err := m.part(kind, p.Header.Get("Content-Transfer-Encoding"), p); err != nil {
			return err
		}
	}
	m.Links = link.FindAllString(m.Text, -1)
	return nil
}

func (m *Message) part(kind, encoding string, r io.Reader) error {
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "", "7bit", "8bit":
	default:
		return fmt.Errorf("transfer encoding %q", encoding)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	text := strings.ReplaceAll(string(body), "\r\n", "\n")
	switch kind {
	case "text/plain":
		m.Text = text
	case "text/html":
		m.HTML = text
	}
	m.Links = link.FindAllString(m.Text, -1)
	return nil
}
