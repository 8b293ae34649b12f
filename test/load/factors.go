package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/signet-idp/signet/internal/testkit/softkey"
)

// totpPeople have an authenticator app each: a code is good once, so that nobody
// signs in twice with one within its time step.
const totpPeople = 400

// json sends a JSON body and reads the answer into out.
func (w *worker) json(ctx context.Context, path, bearer string, body, out any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.site.url+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	a, err := w.do(r)
	if err == nil && a.status >= http.StatusMultipleChoices {
		err = fmt.Errorf("%s: status %d: %.300s", path, a.status, a.body)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(a.body, out)
}

// proof is what is read of the answers about factors.
type proof struct {
	Access    string          `json:"access_token"`
	MFAToken  string          `json:"mfa_token"`
	Challenge string          `json:"challenge_id"`
	MFAID     string          `json:"mfa_challenge_id"`
	Secret    string          `json:"secret"`
	Options   json.RawMessage `json:"webauthn_options"`
	Verified  bool            `json:"verified"`
}

// newcomer registers somebody and begins to set a factor up.
func (w *worker) newcomer(ctx context.Context, kind string) (email, access string, begun proof, err error) {
	email = strings.ToLower(rand.Text()) + "@acme.test"
	var made proof
	if err := w.json(ctx, "/auth/register", "", map[string]any{"email": email, "password": password}, &made); err != nil {
		return email, "", begun, err
	}
	err = w.json(ctx, "/mfa/setup", made.Access, map[string]any{"method_type": kind}, &begun)
	return email, made.Access, begun, err
}

// confirm sends the first proof of a factor.
func (w *worker) confirm(ctx context.Context, access string, body map[string]any) error {
	var done proof
	err := w.json(ctx, "/mfa/verify", access, body, &done)
	if err == nil && !done.Verified {
		err = errors.New("the factor was not taken")
	}
	return err
}

// appHolders make people with an authenticator app: address and secret of each.
func appHolders(ctx context.Context, w *worker, o *options) (*pool, error) {
	p := &pool{}
	for range min(totpPeople, o.count) {
		email, access, begun, err := w.newcomer(ctx, "totp")
		if err != nil {
			return nil, err
		}
		code, err := totp.GenerateCode(begun.Secret, time.Now())
		if err != nil {
			return nil, err
		}
		if err := w.confirm(ctx, access, map[string]any{"challenge_id": begun.Challenge, "code": code}); err != nil {
			return nil, err
		}
		p.tokens = append(p.tokens, email+" "+begun.Secret)
	}
	return p, nil
}

// loginTOTP is two requests: the password, and the code of an app.
func loginTOTP(ctx context.Context, w *worker, p *pool) error {
	holder, err := p.take()
	if err != nil {
		return err
	}
	email, secret, _ := strings.Cut(holder, " ")
	var waiting proof
	if err := w.json(ctx, "/auth/login", "", map[string]any{"email": email, "password": password}, &waiting); err != nil {
		return err
	}
	// That of the next step: the one of this may have confirmed the app.
	code, err := totp.GenerateCode(secret, time.Now().Add(30*time.Second))
	if err != nil {
		return err
	}
	return w.finish(ctx, map[string]any{"mfa_token": waiting.MFAToken, "challenge_id": waiting.MFAID, "code": code})
}

// finish completes a login that waits.
func (w *worker) finish(ctx context.Context, body map[string]any) error {
	var done proof
	err := w.json(ctx, "/mfa/verify", "", body, &done)
	if err == nil && done.Access == "" {
		err = errors.New("the login is not complete")
	}
	return err
}

// passkeyHolder gives the worker somebody with a passkey.
func passkeyHolder(ctx context.Context, w *worker) error {
	var err error
	if w.key, err = softkey.New(w.site.url); err != nil {
		return err
	}
	email, access, begun, err := w.newcomer(ctx, "webauthn")
	if err != nil {
		return err
	}
	w.owner = email
	made, err := w.key.Create(begun.Options)
	if err != nil {
		return err
	}
	return w.confirm(ctx, access, map[string]any{"challenge_id": begun.Challenge, "webauthn_response": made})
}

// loginPasskey is three requests: the password, the options for a passkey, and
// its answer.
func loginPasskey(ctx context.Context, w *worker, _ *pool) error {
	var waiting, asked proof
	if err := w.json(ctx, "/auth/login", "", map[string]any{"email": w.owner, "password": password}, &waiting); err != nil {
		return err
	}
	if err := w.json(ctx, "/mfa/challenge", "", map[string]any{"mfa_token": waiting.MFAToken}, &asked); err != nil {
		return err
	}
	answer, err := w.key.Get(asked.Options)
	if err != nil {
		return err
	}
	return w.finish(ctx, map[string]any{"mfa_token": waiting.MFAToken, "challenge_id": asked.Challenge, "webauthn_response": answer})
}
