package password

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // G505: the service is asked by SHA-1; nothing is secured by it
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/signet-idp/signet/internal/safehttp"
	"github.com/signet-idp/signet/provider/change"
)

// RangeTime bounds how long a password waits for the range service.
const RangeTime = time.Second

// prefixDigits of a hash are all that the service learns.
const prefixDigits = 5

// errInside: the question waits for another service, and a transaction must not.
var errInside = errors.New("password: the range service is not asked inside a transaction")

// Client makes calls (*safehttp.Client). Its size limit is the answer's.
type Client interface {
	Do(ctx context.Context, r safehttp.Request) (*safehttp.Response, error)
}

// Range asks a service whether a password was seen in a breach, without telling
// which: it sends the first five hexadecimal digits of its SHA-1 and compares
// the hashes of all passwords that begin with them, which the service answers
// (the range API of Pwned Passwords and what imitates it). It asks for padding,
// or the length of the answer would tell the five digits to who listens.
//
// When there is no answer within RangeTime, or none that can be read, the
// password passes: the operator may run the service, but nobody should be kept
// from a new password because it is down. It is safe for concurrent use.
type Range struct {
	url    string
	client Client
	log    *slog.Logger

	silent atomic.Int64
}

// NewRange asks the service at url, to which the five digits are added.
func NewRange(url string, client Client, log *slog.Logger) *Range {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Range{url: strings.TrimRight(url, "/") + "/", client: client, log: log}
}

// Check returns ErrKnown for a password that the service knows, and the
// context's error when that ends first.
func (r *Range) Check(ctx context.Context, pw string) error {
	text, usable := normalize(pw)
	if !usable {
		return ErrPassword
	}
	if change.Inside(ctx) {
		return errInside
	}
	sum := sha1.Sum(text.nfc) //nolint:gosec // G401: see the import
	digits := strings.ToUpper(hex.EncodeToString(sum[:]))
	known, err := r.ask(ctx, digits[:prefixDigits], digits[prefixDigits:])
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("password: range service: %w", ctx.Err())
	case err != nil:
		// Neither the error nor this line says which five digits were asked for.
		r.log.WarnContext(ctx, "the range service of breached passwords gave no answer; a password was accepted without it",
			"failures", r.silent.Add(1), "error", err)
		return nil
	case known:
		return ErrKnown
	}
	return nil
}

// Silent is how many passwords were accepted without an answer.
func (r *Range) Silent() int64 { return r.silent.Load() }

func (r *Range) ask(ctx context.Context, prefix, suffix string) (known bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, RangeTime)
	defer cancel()
	answer, err := r.client.Do(ctx, safehttp.Request{
		Method: http.MethodGet, URL: r.url + prefix, Header: http.Header{"Add-Padding": {"true"}, "Accept": {"text/plain"}},
	})
	if err != nil {
		return false, err
	}
	if answer.Status != http.StatusOK {
		return false, fmt.Errorf("the answer has the status %d", answer.Status)
	}
	return holds(answer.Body, suffix)
}

// errRange does not quote what was answered.
var errRange = errors.New("the answer is not a range: SUFFIX:COUNT, one a line")

// holds looks for a suffix in an answer. Padding is lines that count zero.
func holds(body []byte, suffix string) (known bool, err error) {
	lines := 0
	for line := range bytes.Lines(body) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		digits, count, _ := strings.Cut(string(line), ":")
		n, err := strconv.ParseUint(count, 10, 63)
		if err != nil || !isSuffix(digits) {
			return false, errRange
		}
		known = known || n > 0 && strings.EqualFold(digits, suffix)
		lines++
	}
	if lines == 0 {
		return false, errRange // every range has hashes
	}
	return known, nil
}

func isSuffix(s string) bool {
	return len(s) == hex.EncodedLen(sha1.Size)-prefixDigits && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}
