package notify_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/storage"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const issuer = "https://id.example"

// memory is a store of messages for tests that need no transaction.
type memory struct {
	mu   sync.Mutex
	rows []storage.Message
}

func (m *memory) InsertMessage(_ context.Context, row storage.Message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows = append(m.rows, row)
	return nil
}

func (m *memory) CountMessages(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int64(len(m.rows)), nil
}

func cipher(t testing.TB) *keys.Cipher {
	t.Helper()
	c, err := keys.NewCipher(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func service(t testing.TB, store notify.Store, change ...func(*notify.Deps)) *notify.Service {
	t.Helper()
	d := notify.Deps{
		Store: store, Key: cipher(t), Clock: fakeclock.New(epoch), Issuer: issuer,
		Channels: []notify.Channel{notify.Email, notify.SMS},
	}
	for _, c := range change {
		c(&d)
	}
	s, err := notify.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func verify() notify.Message {
	return notify.Message{
		Channel: notify.Email, Kind: notify.VerifyEmail, To: "alice@acme.test", UserID: "u1",
		Values: notify.Values{Token: "secret-token", Until: epoch.Add(time.Hour)},
	}
}

func TestQueueSealsWhatWaits(t *testing.T) {
	store, kicks := &memory{}, 0
	s := service(t, store, func(d *notify.Deps) { d.Kick = func() { kicks++ } })
	if err := s.Queue(t.Context(), verify()); err != nil {
		t.Fatal(err)
	}
	row := store.rows[0]
	if row.Channel != "email" || row.UserID != "u1" || !row.DueAt.Equal(epoch) || !row.Expiry.Equal(epoch.Add(time.Hour)) || kicks != 1 {
		t.Errorf("%+v, %d kicks", row, kicks)
	}
	for _, secret := range []string{"alice", "acme", "secret-token", "id.example", "Confirm"} {
		if strings.Contains(fmt.Sprintf("%s %q", row.Sealed, row.Sealed), secret) {
			t.Errorf("the row holds %q", secret)
		}
	}
}

func TestQueueRefuses(t *testing.T) {
	cases := map[string]func(*notify.Message){
		"no kind":         func(m *notify.Message) { m.Kind = "greeting" },
		"no channel":      func(m *notify.Message) { m.Channel = "pigeon" },
		"wrong channel":   func(m *notify.Message) { m.Channel, m.To = notify.SMS, "+4915112345678" },
		"no token":        func(m *notify.Message) { m.Values.Token = "" },
		"no end":          func(m *notify.Message) { m.Values.Until = time.Time{} },
		"no recipient":    func(m *notify.Message) { m.To = "" },
		"two recipients":  func(m *notify.Message) { m.To = "a@b.test,c@d.test" },
		"name":            func(m *notify.Message) { m.To = "Alice<a@b.test>" },
		"line break":      func(m *notify.Message) { m.To = "a@b.test\r\nBcc:c@d.test" },
		"long recipient":  func(m *notify.Message) { m.To = strings.Repeat("a", 250) + "@b.test" },
		"number to email": func(m *notify.Message) { m.To = "+4915112345678" },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			store := &memory{}
			m := verify()
			change(&m)
			if err := service(t, store).Queue(t.Context(), m); err == nil || len(store.rows) != 0 {
				t.Errorf("%v, %d rows", err, len(store.rows))
			}
		})
	}
}

func TestNothingDelivers(t *testing.T) {
	store := &memory{}
	s := service(t, store, func(d *notify.Deps) { d.Channels = []notify.Channel{notify.SMS} })
	for what, err := range map[string]error{"check": s.Check(notify.Email), "queue": s.Queue(t.Context(), verify())} {
		if !fault.Is(err, fault.Unavailable) || !errors.Is(err, notify.ErrUnavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := s.Check(notify.SMS); err != nil {
		t.Error(err)
	}
	// A notice tells of what stands without it.
	err := s.Queue(t.Context(), notify.Message{Channel: notify.Email, Kind: notify.PasswordChanged, To: "alice@acme.test"})
	if err != nil || len(store.rows) != 0 {
		t.Errorf("%v, %d rows", err, len(store.rows))
	}
}

// open unseals a row as a Worker does.
func open(t testing.TB, row storage.Message) notify.Delivery {
	t.Helper()
	d := notify.Delivery{ID: row.ID, CreatedAt: row.CreatedAt}
	plain, err := cipher(t).Open(keys.Binding("messages", "sealed", row.ID, row.Channel), row.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(plain, &d.Content); err != nil {
		t.Fatal(err)
	}
	return d
}
