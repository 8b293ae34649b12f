package keys

import (
	"fmt"
	"time"
)

// Config says which rings there are and how their keys follow one another. The
// zero value works: each zero field takes its default.
type Config struct {
	// Algorithms are the rings for tokens. Default RS256 and ES256. The rings
	// of the revocation feed and of checkpoints always exist, with ES256.
	Algorithms []string
	// RotateEvery is how long a key signs. Default 30 days.
	RotateEvery time.Duration
	// JWKSMaxAge is how long a verifier may cache the JWKS. Default 5 minutes.
	JWKSMaxAge time.Duration
	// SyncEvery is how often Manager.Tick is called. Default 5 seconds.
	SyncEvery time.Duration
	// Skew is how far the clocks of replicas and verifiers may differ.
	// Default 1 minute.
	Skew time.Duration
	// PublishLead is how long a key is in the JWKS before it may sign, and how
	// long a replica signs without having read the ring. At least
	// JWKSMaxAge + 2·SyncEvery + Skew; by default 2·SyncEvery more, so that a
	// late Tick does not show in the JWKS's max-age.
	PublishLead time.Duration
	// MaxTokenLifetime is the longest any signed token lives. Default 24 hours.
	MaxTokenLifetime time.Duration
	// HintRetention is how long after its last signature a key still verifies
	// an id_token_hint (OpenID Connect RP-Initiated Logout 1.0 §4: an expired
	// ID token should be accepted). Default 400 days.
	HintRetention time.Duration
}

// withDefaults fills in what is not set and returns ErrConfig or ErrAlgorithm
// if the result makes no sense.
func (c Config) withDefaults() (Config, error) {
	if len(c.Algorithms) == 0 {
		c.Algorithms = []string{RS256, ES256}
	}
	for _, alg := range c.Algorithms {
		if err := checkAlgorithm(alg); err != nil {
			return Config{}, err
		}
	}
	const day = 24 * time.Hour
	orElse(&c.RotateEvery, 30*day)
	orElse(&c.JWKSMaxAge, 5*time.Minute)
	orElse(&c.SyncEvery, 5*time.Second)
	orElse(&c.Skew, time.Minute)
	least := c.JWKSMaxAge + c.margin()
	orElse(&c.PublishLead, least+2*c.SyncEvery)
	orElse(&c.MaxTokenLifetime, day)
	orElse(&c.HintRetention, 400*day)
	for _, d := range []time.Duration{c.RotateEvery, c.JWKSMaxAge, c.SyncEvery, c.Skew, c.MaxTokenLifetime, c.HintRetention} {
		if d < 0 {
			return Config{}, fmt.Errorf("keys: negative duration: %w", ErrConfig)
		}
	}
	if c.PublishLead < least {
		return Config{}, fmt.Errorf("keys: PublishLead %v is under %v: %w", c.PublishLead, least, ErrConfig)
	}
	if c.RotateEvery < c.PublishLead {
		return Config{}, fmt.Errorf("keys: RotateEvery %v is under PublishLead %v: %w", c.RotateEvery, c.PublishLead, ErrConfig)
	}
	return c, nil
}

func orElse(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// margin is how much later than its PublishAt a key can turn up at a replica
// in touch: the clocks differ, the writer takes a moment to commit, the reader
// looks every SyncEvery.
func (c Config) margin() time.Duration { return c.Skew + 2*c.SyncEvery }

// linger is how long after RetireAt a key must still verify: a replica that
// has not heard of its retirement signs for up to PublishLead, and what it
// signed last then lives for MaxTokenLifetime by a clock that may be slow.
func (c Config) linger() time.Duration {
	return c.PublishLead + c.margin() + c.MaxTokenLifetime
}
