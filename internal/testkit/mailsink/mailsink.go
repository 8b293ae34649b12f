// Package mailsink is a real SMTP server on loopback that keeps what it gets.
// Start gives a plain one whose URL is a value for SIGNET_SMTP_URL; Open one
// with TLS, credentials, or bad behaviour. Wait returns the mail to somebody.
package mailsink

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Options say how a sink differs from a plain one that accepts everything.
type Options struct {
	// User and Password are asked for when set; the URL holds them.
	User, Password string
	// STARTTLS offers it, with a certificate of the sink's own authority (CA).
	STARTTLS bool
	// TLS speaks TLS from the first byte (smtps).
	TLS bool
	// Rcpt answers RCPT TO, when set: nil, or Reply(550, "...").
	Rcpt func(to string) error
	// Data answers after the message was read, when set. The message is kept
	// when it answers nil.
	Data func(Message) error
	// Hang never answers DATA, until the test ends.
	Hang bool
	// Cut closes the connection in the middle of DATA as long as it says so.
	Cut func() bool
}

// Reply is an answer of the server, such as Reply(451, "try later").
func Reply(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 0, 0}, Message: text}
}

// Sink is a running server.
type Sink struct {
	// URL is a value for SIGNET_SMTP_URL, with credentials if there are any.
	URL string
	// CA is the file of the certificate authority, for SIGNET_EXTRA_CA; empty
	// without TLS.
	CA string

	options  Options
	end      chan struct{}
	mu       sync.Mutex
	messages []Message
	taken    map[int]bool  // returned by Wait
	arrived  chan struct{} // closed and made anew at every arrival
	attempts int
}

// Start runs a plain sink until the test ends.
func Start(tb testing.TB) *Sink {
	tb.Helper()
	return Open(tb, Options{})
}

// Open runs a sink until the test ends.
func Open(tb testing.TB, o Options) *Sink {
	tb.Helper()
	s := &Sink{options: o, end: make(chan struct{}), taken: make(map[int]bool), arrived: make(chan struct{})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	srv := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{sink: s, conn: c}, nil }))
	srv.Domain, srv.AllowInsecureAuth, srv.MaxMessageBytes, srv.EnableSMTPUTF8 = "localhost", true, 1<<20, true
	srv.ErrorLog = quiet{}
	u := url.URL{Scheme: "smtp", Host: l.Addr().String()}
	if o.User != "" {
		u.User = url.UserPassword(o.User, o.Password)
	}
	if o.STARTTLS || o.TLS {
		config := s.certify(tb)
		if o.TLS {
			u.Scheme, l = "smtps", tls.NewListener(l, config)
		} else {
			srv.TLSConfig = config
		}
	}
	s.URL = u.String()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	tb.Cleanup(func() {
		close(s.end)
		_ = srv.Close()
		_ = l.Close() // a server that had not begun to serve knows of no listener
		<-done
	})
	return s
}

// Messages returns what was accepted so far, in order.
func (s *Sink) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Attempts counts the messages begun (MAIL FROM), accepted or not.
func (s *Sink) Attempts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.attempts
}

// Wait returns the oldest message to an address that Wait has not returned
// before. It fails the test when none comes in time.
func (s *Sink) Wait(tb testing.TB, to string) Message {
	tb.Helper()
	timeout := time.After(15 * time.Second)
	for {
		m, arrived, ok := s.take(to)
		if ok {
			return m
		}
		select {
		case <-arrived:
		case <-timeout:
			tb.Fatalf("no mail to %s; there is mail to %v", to, s.recipients())
		}
	}
}

func (s *Sink) take(to string) (Message, <-chan struct{}, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, m := range s.messages {
		if !s.taken[i] && slices.ContainsFunc(m.To, func(a string) bool { return strings.EqualFold(a, to) }) {
			s.taken[i] = true
			return m, nil, true
		}
	}
	return Message{}, s.arrived, false
}

func (s *Sink) recipients() []string {
	var list []string
	for _, m := range s.Messages() {
		list = append(list, m.To...)
	}
	return list
}

func (s *Sink) keep(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, m)
	close(s.arrived)
	s.arrived = make(chan struct{})
}

// certify makes an authority and a certificate of localhost.
func (s *Sink) certify(tb testing.TB) *tls.Config {
	tb.Helper()
	authority, caKey, caPEM := certificate(tb, nil, nil)
	leaf, key, _ := certificate(tb, authority, caKey)
	s.CA = filepath.Join(tb.TempDir(), "mailsink-ca.pem")
	if err := os.WriteFile(s.CA, caPEM, 0o600); err != nil {
		tb.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
}

func certificate(tb testing.TB, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, []byte) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mailsink"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), BasicConstraintsValid: true,
	}
	if parent == nil {
		template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign
		parent, parentKey = template, key
	} else {
		template.Subject.CommonName, template.DNSNames, template.IPAddresses = "localhost", []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
		template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// quiet is a log for nobody: clients that go away are what tests are about.
type quiet struct{}

// Printf implements smtp.Logger.
func (quiet) Printf(string, ...any) {}

// Println implements smtp.Logger.
func (quiet) Println(...any) {}

// session is one connection.
type session struct {
	sink  *Sink
	conn  *smtp.Conn
	user  string
	draft Message
}

// AuthMechanisms implements smtp.AuthSession.
func (s *session) AuthMechanisms() []string {
	if s.sink.options.User == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth implements smtp.AuthSession.
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.sink.options.User || password != s.sink.options.Password {
			return smtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.sink.mu.Lock()
	s.sink.attempts++
	s.sink.mu.Unlock()
	if s.sink.options.User != "" && s.user == "" {
		return smtp.ErrAuthRequired
	}
	_, secure := s.conn.TLSConnectionState()
	s.draft = Message{From: from, User: s.user, TLS: secure}
	return nil
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if rcpt := s.sink.options.Rcpt; rcpt != nil {
		if err := rcpt(to); err != nil {
			return err
		}
	}
	s.draft.To = append(s.draft.To, to)
	return nil
}

// Data implements smtp.Session.
func (s *session) Data(r io.Reader) error {
	if cut := s.sink.options.Cut; cut != nil && cut() {
		_, _ = io.ReadFull(r, make([]byte, 64))
		_ = s.conn.Conn().Close()
		return errors.New("cut")
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.sink.options.Hang {
		<-s.sink.end
		return errors.New("hung")
	}
	m := s.draft
	m.Raw = raw
	if err := m.parse(); err != nil {
		return Reply(554, "not a message: "+err.Error())
	}
	if data := s.sink.options.Data; data != nil {
		if err := data(m); err != nil {
			return err
		}
	}
	s.sink.keep(m)
	return nil
}

// Reset implements smtp.Session.
func (s *session) Reset() { s.draft = Message{} }

// Logout implements smtp.Session.
func (s *session) Logout() error { return nil }
