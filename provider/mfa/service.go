package mfa

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/guard"
	"github.com/signet-idp/signet/provider/mfa/passkey"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/storage"
)

// KeyPurpose is the data key of factors, challenges and backup codes.
const KeyPurpose = "factor"

// TypeBackupCodes is the kind of the backup codes; it is their method id, too,
// since a person has one set of them.
const TypeBackupCodes = "backup_codes"

// Store is what factors need of storage.
type Store interface {
	storage.Transactor
	storage.Links
	storage.Factors
	storage.Devices
	storage.MFAPolicies
	storage.Once
	UserByID(ctx context.Context, id string) (storage.User, error)
	LockUser(ctx context.Context, id string) error
}

// Messages tells people things (*notify.Service).
type Messages interface {
	Check(channel notify.Channel) error
	Queue(ctx context.Context, m notify.Message) error
}

// Guard slows down who guesses (*guard.Guard).
type Guard interface {
	Check(ctx context.Context, who guard.Who) error
	Succeeded(ctx context.Context, who guard.Who) error
}

// Counter counts within windows (storage/volatile).
type Counter interface {
	Add(ctx context.Context, key string, n int64, window time.Duration) (total int64, resetAfter time.Duration, err error)
}

// Key seals and hashes (keys.Purpose "factor").
type Key interface {
	Seal(aad, plaintext []byte) []byte
	Open(aad, sealed []byte) ([]byte, error)
	Hash(data []byte) []byte
	HashAll(data []byte) [][]byte
	VerifyHash(hash, data []byte) bool
}

// Passkeys is the WebAuthn relying party (*passkey.Party).
type Passkeys interface {
	Register(ctx context.Context, p passkey.Person) (options json.RawMessage, state []byte, err error)
	FinishRegister(ctx context.Context, p passkey.Person, state []byte, answer json.RawMessage) (passkey.Credential, error)
	Assert(ctx context.Context, p passkey.Person) (options json.RawMessage, state []byte, err error)
	FinishAssert(ctx context.Context, p passkey.Person, state []byte, answer json.RawMessage) (passkey.Assertion, error)
	Discover(ctx context.Context) (options json.RawMessage, state []byte, err error)
	FinishDiscover(ctx context.Context, state []byte, answer json.RawMessage, find func(ctx context.Context, credentialID, userHandle []byte) (passkey.Person, error)) (passkey.Assertion, error)
}

// Observer counts challenges.
type Observer interface {
	MFAChallenge(factor, result string)
}

// Settings are what an operator decides.
type Settings struct {
	Issuer    string        // name shown in authenticator apps
	Tries     int64         // wrong answers that a challenge takes
	Challenge time.Duration // life of a challenge
	Sends     int64         // codes an hour that are sent to one person
	Trust     time.Duration // how long a device is trusted
	Recent    time.Duration // how long an authentication counts as recent
}

// DefaultSettings are three tries in five minutes, ten codes an hour, trust
// for 30 days, and ten minutes in which a login is recent.
func DefaultSettings(issuer string) Settings {
	return Settings{Issuer: issuer, Tries: 3, Challenge: 5 * time.Minute, Sends: 10, Trust: 30 * 24 * time.Hour, Recent: 10 * time.Minute}
}

// Unlocking tells people of locks (*account.Service).
type Unlocking interface {
	OfferUnlock(ctx context.Context, canonical, locale string, life time.Duration)
}

// Deps are what a Service is made of; all but Unlocking and Passkeys are required.
type Deps struct {
	Store    Store
	Guard    Guard
	Counters Counter
	Messages Messages
	Passkeys Passkeys
	Change   change.Runner
	Key      Key
	Observer Observer
	Clock    clock.Clock
	Rand     io.Reader
	Settings Settings
	// Unlocking is told of an account that locks.
	Unlocking Unlocking
}

// Service keeps and judges factors. It is safe for concurrent use.
type Service struct{ Deps }

// New makes a Service.
func New(d Deps) *Service { return &Service{d} }

// Purposes of a challenge, as events name them.
const (
	PurposeLogin  = "login"
	PurposeStepUp = "step_up"
)

// Holder is who proves something, and where.
type Holder struct {
	UserID string
	// Context is the login or session that challenges belong to: they are
	// another's in any other.
	Context string
	Purpose string // PurposeLogin, PurposeStepUp
	// Mailed: a code mailed to the account's address stands in for the factors
	// that there are none of (Need.Mailed).
	Mailed bool
	// Known names the session or device that the person is known by, so that a
	// stranger's failures do not lock them out; empty for a stranger.
	Known  string
	Device session.Device
	// Locale is the languages the person reads (Accept-Language).
	Locale string
}

// Method is a factor as its person sees it.
type Method struct {
	ID   string
	Type string
	Name string
	// Destination is where codes are sent, masked; empty for other kinds.
	Destination string
	Primary     bool // the oldest confirmed one
	CreatedAt   time.Time
	VerifiedAt  time.Time // zero: not confirmed, it counts for nothing
	LastUsedAt  time.Time
	// Synced says of a passkey that its provider keeps copies (backup state).
	Synced bool
}

// Methods are a person's factors.
type Methods struct {
	All         []Method // oldest first, unconfirmed ones too
	BackupCodes int      // left
}

// Verified are the confirmed ones.
func (m Methods) Verified() []Method {
	var out []Method
	for _, x := range m.All {
		if !x.VerifiedAt.IsZero() {
			out = append(out, x)
		}
	}
	return out
}

// Challenge is what a holder is asked to answer.
type Challenge struct {
	ID          string
	MethodID    string
	Type        string
	Destination string // masked; a code was sent there
	Expiry      time.Time
	Remaining   int64 // tries left
	// Options are for navigator.credentials.get or create; nil but for passkeys.
	Options json.RawMessage
}

// Answer is what a holder answers with.
type Answer struct {
	ChallengeID string // or MethodID
	MethodID    string // a method's id, or TypeBackupCodes
	Code        string
	Passkey     json.RawMessage // PublicKeyCredential, as its toJSON gives it
	Name        string          // for a passkey that is set up: what to call it
}
