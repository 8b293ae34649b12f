package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// Purpose is the data key under which messages wait.
const Purpose = "message"

// ErrUnavailable is in the chain of Check's and Queue's error when nothing can
// deliver on a channel; its code is fault.Unavailable (503).
var ErrUnavailable = errors.New("notify: nothing delivers on this channel")

// Message is something to tell one person.
type Message struct {
	Channel Channel
	Kind    Kind
	// To is one e-mail address without a name, or a phone number in E.164.
	To string
	// Locale is the recipient's language: a BCP 47 tag or an Accept-Language
	// header; what we do not speak, and "", is English.
	Locale string
	// UserID is whom the message is about, so that erasing them drops it;
	// empty when there is no account (yet).
	UserID string
	Values Values
	// Expiry is when delivering it has lost its point: usually when its link
	// ends. Zero: Values.Until, or a day from now.
	Expiry time.Time
}

// Values fill a message; each Kind says which it needs. Names are hostile text
// and may be given as they are.
type Values struct {
	Token        string    // secret of the link
	Code         string    // one-time code
	Email        string    // the new address, shown masked
	Phone        string    // the new number, shown masked
	Organization string    // display name
	Inviter      string    // display name
	Role         string    // role name; the built-in ones are translated
	Until        time.Time // when the link, code or invitation ends, or the account is erased
	At           time.Time // when it happened
	Device       string    // such as "Firefox on Linux"
	Address      string    // network address
	Factor       string    // kind of second factor: totp, email, sms, webauthn
	Count        int       // how many are left
}

// defaultLife is how long a message without an end of its own waits.
const defaultLife = 24 * time.Hour

// maxRecipient bounds an address: RFC 5321 §4.5.3.1 allows 254 octets.
const maxRecipient = 254

// Store is where messages wait.
type Store interface {
	InsertMessage(ctx context.Context, m storage.Message) error
	CountMessages(ctx context.Context) (int64, error)
}

// Sealer seals under one purpose of the installation's data keys.
type Sealer interface {
	Seal(aad, plaintext []byte) []byte
	Open(aad, sealed []byte) ([]byte, error)
}

// Deps are what a Service is made of. All but Log are required.
type Deps struct {
	Store  Store
	Key    Sealer
	Clock  clock.Clock
	Issuer string // links lead there
	// Channels are those on which something delivers: a sender is configured,
	// or development captures what is sent.
	Channels []Channel
	// Kick is called after the commit that stored a message; it must not block.
	// Worker.Kick belongs here. Nil: none.
	Kick func()
	Log  *slog.Logger
}

// Service queues messages. It is safe for concurrent use.
type Service struct {
	deps     Deps
	renderer *renderer
}

// New makes a Service. It fails when the issuer is no URL or a catalogue of
// words is incomplete.
func New(d Deps) (*Service, error) {
	if d.Store == nil || d.Key == nil || d.Clock == nil {
		return nil, errors.New("notify: new: store, key and clock are required")
	}
	if d.Kick == nil {
		d.Kick = func() {}
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	r, err := newRenderer(d.Issuer)
	if err != nil {
		return nil, fmt.Errorf("notify: new: %w", err)
	}
	return &Service{deps: d, renderer: r}, nil
}

// Check answers fault.Unavailable when nothing can deliver on a channel. Ask it
// before work that is in vain without a message; the answer does not depend on
// whom it would go to.
func (s *Service) Check(channel Channel) error {
	if slices.Contains(s.deps.Channels, channel) {
		return nil
	}
	what := "mail"
	if channel == SMS {
		what = "text messages"
	}
	return fault.Wrap(ErrUnavailable, fault.Unavailable, what+" cannot be sent by this installation")
}

// Queue stores a message in the running transaction: call it inside
// change.Runner.Do, so that it leaves when the change commits, and only then.
// It does no I/O but one insert.
//
// Where nothing delivers on the channel it answers as Check does; a notice
// (Kind.Notice) is dropped there, for what it tells of stands without it. Other
// errors are programming errors (an unknown kind, a value that the kind needs
// and is not there, a recipient that is no address) or the store's.
func (s *Service) Queue(ctx context.Context, m Message) error {
	if err := s.Check(m.Channel); err != nil {
		if m.Kind.Notice() {
			s.deps.Log.DebugContext(ctx, "notice dropped: nothing delivers it", "channel", m.Channel, "kind", m.Kind)
			return nil
		}
		return fmt.Errorf("notify: queue %s: %w", m.Kind, err)
	}
	row, err := s.row(m)
	if err != nil {
		return fmt.Errorf("notify: queue %s: %w", m.Kind, err)
	}
	if err := s.deps.Store.InsertMessage(ctx, row); err != nil {
		return fmt.Errorf("notify: queue %s: %w", m.Kind, err)
	}
	change.After(ctx, s.deps.Kick)
	return nil
}

// Waiting is how many messages wait, on all channels.
func (s *Service) Waiting(ctx context.Context) (int64, error) { return s.deps.Store.CountMessages(ctx) }

func (s *Service) row(m Message) (storage.Message, error) {
	if err := checkRecipient(m.Channel, m.To); err != nil {
		return storage.Message{}, err
	}
	content, err := s.renderer.render(m)
	if err != nil {
		return storage.Message{}, err
	}
	plain, err := json.Marshal(content)
	if err != nil {
		return storage.Message{}, err
	}
	now := s.deps.Clock.Now()
	row := storage.Message{
		ID: storage.NewID(), Channel: string(m.Channel), UserID: m.UserID,
		DueAt: now, CreatedAt: now, Expiry: m.Expiry,
	}
	if row.Expiry.IsZero() {
		row.Expiry = m.Values.Until
	}
	if row.Expiry.IsZero() {
		row.Expiry = now.Add(defaultLife)
	}
	row.Sealed = s.deps.Key.Seal(binding(row.ID, m.Channel), plain)
	return row, nil
}

// binding ties what is sealed to its row.
func binding(id string, c Channel) []byte { return keys.Binding("messages", "sealed", id, string(c)) }

// checkRecipient refuses what could be more than one address or reach into the
// envelope. Addresses come from rows that were checked when they were written;
// this is the second lock.
func checkRecipient(c Channel, to string) error {
	if to == "" || len(to) > maxRecipient || strings.ContainsFunc(to, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return errors.New("the recipient is no address")
	}
	switch c {
	case Email:
		if a, err := mail.ParseAddress(to); err != nil || a.Name != "" || a.Address != to {
			return errors.New("the recipient is no address")
		}
	case SMS:
		if len(to) < 3 || to[0] != '+' || strings.Trim(to[1:], "0123456789") != "" {
			return errors.New("the recipient is no phone number in E.164")
		}
	default:
		return fmt.Errorf("no channel %q", c)
	}
	return nil
}

// checkIssuer takes the issuer apart.
func checkIssuer(issuer string) (*url.URL, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("the issuer %q is no URL", issuer)
	}
	return u, nil
}
