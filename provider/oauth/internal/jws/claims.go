package jws

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/signet-idp/signet/provider/oauth/internal/strictjson"
)

// What can be wrong with a token's claims.
var (
	ErrClaim       = errors.New("a claim has the wrong type")
	ErrIssuer      = errors.New("iss is not the client")
	ErrSubject     = errors.New("sub is not the client")
	ErrAudience    = errors.New("aud does not name us")
	ErrNoExpiry    = errors.New("exp is missing")
	ErrExpired     = errors.New("token has expired")
	ErrLifetime    = errors.New("exp is too far ahead")
	ErrNotYetValid = errors.New("token is not valid yet")
)

// maxAudiences bounds the list that is searched.
const maxAudiences = 32

// String reads a claim that has to be a string. It is absent when missing;
// null is a wrong type.
func (c Claims) String(name string) (value string, present bool, err error) {
	raw, present := c[name]
	if !present {
		return "", false, nil
	}
	value, ok := strictjson.String(raw)
	if !ok {
		return "", true, fmt.Errorf("%w: %s", ErrClaim, name)
	}
	return value, true, nil
}

// Is reports whether a claim is the given string; failure is the error if not.
func (c Claims) Is(name, want string, failure error) error {
	value, present, err := c.String(name)
	if err != nil {
		return err
	}
	if !present || value != want {
		return failure
	}
	return nil
}

// AudienceHas checks that aud, a string or a list of them (RFC 7519 §4.1.3),
// holds one of ours.
func (c Claims) AudienceHas(ours []string) error {
	raw, present := c["aud"]
	if !present {
		return ErrAudience
	}
	list := []json.RawMessage{raw}
	if raw[0] == '[' {
		if err := json.Unmarshal(raw, &list); err != nil || len(list) > maxAudiences {
			return fmt.Errorf("%w: aud", ErrClaim)
		}
	}
	found := false
	for _, element := range list {
		audience, ok := strictjson.String(element)
		if !ok {
			return fmt.Errorf("%w: aud", ErrClaim)
		}
		found = found || slices.Contains(ours, audience)
	}
	if !found {
		return ErrAudience
	}
	return nil
}

// Time reads a NumericDate (RFC 7519 §2).
func (c Claims) Time(name string) (at time.Time, present bool, err error) {
	raw, present := c[name]
	if !present {
		return time.Time{}, false, nil
	}
	// ParseFloat reads more than JSON numbers, but raw is valid JSON and so
	// neither "Inf" nor hexadecimal. The year 5138 is far enough.
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || seconds < 0 || seconds >= 1e11 {
		return time.Time{}, true, fmt.Errorf("%w: %s", ErrClaim, name)
	}
	whole := int64(seconds)
	return time.Unix(whole, int64((seconds-float64(whole))*1e9)).UTC(), true, nil
}

// Lifetime says how old and how long-lived a token may be.
type Lifetime struct {
	Now        time.Time
	Skew       time.Duration // how far the client's clock may be ahead of ours
	Max        time.Duration // how long a token is good after iat or, without iat, how far exp may be ahead; 0: any
	NeedExpiry bool
}

// CheckTimes checks exp, nbf and iat, each if present, and returns when the
// token ends: its exp, or Max after its iat if that is earlier. Some clients
// write an exp of an hour and cannot be told otherwise; theirs are good while
// they are fresh. A token is never accepted past that end, however the clocks
// differ: its one-time mark may be forgotten then.
func (c Claims) CheckTimes(l Lifetime) (end time.Time, err error) {
	end, expires, err := c.Time("exp")
	if err != nil {
		return time.Time{}, err
	}
	if !expires && l.NeedExpiry {
		return time.Time{}, ErrNoExpiry
	}
	if expires && !l.Now.Before(end) {
		return time.Time{}, ErrExpired
	}
	for _, name := range []string{"nbf", "iat"} {
		at, present, err := c.Time(name)
		if err != nil {
			return time.Time{}, err
		}
		if present && at.After(l.Now.Add(l.Skew)) {
			return time.Time{}, ErrNotYetValid
		}
		if fresh := at.Add(l.Max); name == "iat" && present && expires && l.Max > 0 && end.After(fresh) {
			end = fresh
		}
	}
	switch {
	case expires && !l.Now.Before(end):
		return time.Time{}, ErrExpired
	case expires && l.Max > 0 && end.After(l.Now.Add(l.Max+l.Skew)):
		return time.Time{}, ErrLifetime
	}
	return end, nil
}
