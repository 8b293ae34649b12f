package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// smtpTimeout bounds each of the two phases of a delivery: up to the login,
// and the message.
const smtpTimeout = 10 * time.Second

// SMTPOptions are how mail leaves.
type SMTPOptions struct {
	// URL is smtp://user:password@host:port or smtps://... Without a port: 587
	// with credentials and 25 without for smtp, 465 for smtps. smtp takes
	// STARTTLS where the server offers it, and asks for it when there are
	// credentials and the host is not this machine.
	URL string
	// From is the sender: Name <address>.
	From string
	// Roots are whom to trust for TLS; nil: the system's.
	Roots *x509.CertPool
}

// SMTP sends mail through one server, over a connection for each message. It
// is safe for concurrent use.
type SMTP struct {
	host           string
	port           int
	user, password string
	implicit       bool // TLS from the first byte
	policy         gomail.TLSPolicy
	tls            *tls.Config
	from           string
	domain         string // of message ids
}

// NewSMTP checks the options. Its errors do not hold the URL's password.
func NewSMTP(o SMTPOptions) (*SMTP, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, errors.New("notify: smtp: the URL cannot be read") // err repeats it, password and all
	}
	if u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("notify: smtp: write smtp://user:password@host:port or smtps://")
	}
	from, err := mail.ParseAddress(o.From)
	if err != nil {
		return nil, fmt.Errorf("notify: smtp: sender: %w", err)
	}
	s := &SMTP{
		host: u.Hostname(), user: u.User.Username(), implicit: u.Scheme == "smtps", policy: gomail.TLSOpportunistic,
		from: from.String(), domain: from.Address[strings.LastIndexByte(from.Address, '@')+1:],
	}
	s.password, _ = u.User.Password()
	if s.user != "" && !loopback(s.host) {
		s.policy = gomail.TLSMandatory
	}
	switch {
	case u.Port() != "":
		if s.port, err = strconv.Atoi(u.Port()); err != nil || s.port < 1 || s.port > 65535 {
			return nil, errors.New("notify: smtp: the port is no port")
		}
	case s.implicit:
		s.port = 465
	case s.user != "":
		s.port = 587
	default:
		s.port = 25
	}
	s.tls = &tls.Config{ServerName: s.host, RootCAs: o.Roots, MinVersion: tls.VersionTLS12}
	return s, nil
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// Send implements Sender.
func (s *SMTP) Send(ctx context.Context, d Delivery) error {
	message, err := s.message(d)
	if err != nil {
		return err
	}
	return s.dial(ctx, func(client *gomail.Client) error {
		err := client.Send(message)
		if message.IsDelivered() {
			return nil // what went wrong after the "250" is not the message's matter
		}
		return refusal(err)
	})
}

// Probe connects, secures the connection, logs in, and leaves.
func (s *SMTP) Probe(ctx context.Context) error {
	return s.dial(ctx, func(*gomail.Client) error { return nil })
}

// dial runs f with a connected client. The connection ends with it, or with ctx.
func (s *SMTP) dial(ctx context.Context, f func(*gomail.Client) error) error {
	var connection net.Conn
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(smtpTimeout), gomail.WithTLSConfig(s.tls), gomail.WithTLSPolicy(s.policy), gomail.WithoutNoop(),
		gomail.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
			var err error
			dialer := &net.Dialer{Timeout: smtpTimeout}
			if s.implicit {
				connection, err = (&tls.Dialer{NetDialer: dialer, Config: s.tls}).DialContext(ctx, network, address)
			} else {
				connection, err = dialer.DialContext(ctx, network, address)
			}
			return connection, err
		}),
	}
	if s.implicit {
		options = append(options, gomail.WithSSL())
	}
	if s.user != "" {
		options = append(options, gomail.WithUsername(s.user), gomail.WithPassword(s.password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	// A client holds the state of its connection, so each has its own.
	client, err := gomail.NewClient(s.host, options...)
	if err != nil {
		return fmt.Errorf("smtp: %w", err)
	}
	err = client.DialWithContext(ctx)
	if connection != nil {
		defer connection.Close()
	}
	if err != nil {
		return fmt.Errorf("smtp: connect: %w", bare(err))
	}
	defer context.AfterFunc(ctx, func() { _ = connection.Close() })()
	if err := f(client); err != nil {
		return err
	}
	_ = client.Close() // QUIT is a courtesy
	return nil
}

// bare takes the server's words out of an error: they like to repeat addresses
// and user names.
func bare(err error) error {
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		return fmt.Errorf("answer %d", reply.Code)
	}
	return err
}

// refusal says what an error of go-mail means for the message.
func refusal(err error) error {
	failed, ok := errors.AsType[*gomail.SendError](err)
	if !ok {
		return fmt.Errorf("smtp: %w", bare(err))
	}
	step := failed.Reason.String()
	switch code := failed.ErrorCode(); {
	case code >= 500:
		return fmt.Errorf("smtp: %s: answer %d: %w", step, code, ErrRefused)
	case code >= 400:
		return fmt.Errorf("smtp: %s: answer %d", step, code)
	}
	return fmt.Errorf("smtp: %s: the connection broke", step)
}

// message builds a mail. What is wrong with it will be wrong next time too.
func (s *SMTP) message(d Delivery) (*gomail.Msg, error) {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := errors.Join(m.From(s.from), m.To(d.To)); err != nil {
		return nil, fmt.Errorf("smtp: an address cannot be written: %w", ErrRefused)
	}
	m.SetMessageIDWithValue(d.ID + "@" + s.domain)
	m.SetDateWithValue(d.CreatedAt)
	m.Subject(d.Subject)
	// RFC 3834: out-of-office programs do not answer.
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetGenHeader("Content-Language", d.Locale)
	m.SetBodyString(gomail.TypeTextPlain, d.Text)
	m.AddAlternativeString(gomail.TypeTextHTML, d.HTML)
	return m, nil
}
