// Package replay remembers the answers to requests with an Idempotency-Key, in
// the database, so that all replicas give the same one. [Store] implements
// web.Replays.
//
//	Begin -> claim (60 s)  -> Finish -> answer (24 h)
//	      -> the answer     -> Drop  -> as if it had never been asked
//
// Answers may hold tokens and are sealed. What a request says may hold a
// password and is kept as a keyed hash only.
package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/storage"
)

const (
	// Lifetime is how long an answer is remembered.
	Lifetime = 24 * time.Hour
	// Patience is after how long a request that never ended is taken for dead: a
	// handler has 10 seconds.
	Patience = time.Minute
)

// Purpose names the data keys.
const Purpose = "idempotency"

// Key hashes and seals; *keys.Purpose does.
type Key interface {
	Hash(data []byte) []byte
	VerifyHash(hash, data []byte) bool
	Seal(aad, plaintext []byte) []byte
	Open(aad, sealed []byte) ([]byte, error)
}

// Store implements web.Replays.
type Store struct {
	Requests storage.IdempotentRequests
	Key      Key
	Clock    clock.Clock
}

var _ web.Replays = Store{}

// Begin implements web.Replays.
func (s Store) Begin(ctx context.Context, id string, content []byte) (web.Claim, *web.Answer, error) {
	now := s.Clock.Now()
	mine := storage.IdempotentRequest{ID: id, Fingerprint: s.Key.Hash(content), CreatedAt: now, Expiry: now.Add(Patience)}
	standing, won, err := s.Requests.BeginIdempotent(ctx, mine)
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("replay: begin: %w", err)
	case won:
		return claim{s, mine}, nil, nil
	case !s.Key.VerifyHash(standing.Fingerprint, content):
		return nil, nil, web.ErrOtherRequest
	case standing.Status == 0:
		return nil, nil, web.ErrAtWork
	}
	a, err := s.open(standing)
	return nil, a, err
}

// sealed is the part of an answer that is sealed.
type sealed struct {
	Header http.Header `json:"h"`
	Body   []byte      `json:"b"`
}

func (s Store) open(r storage.IdempotentRequest) (*web.Answer, error) {
	plain, err := s.Key.Open([]byte(r.ID), r.Answer)
	if err != nil {
		return nil, fmt.Errorf("replay: open: %w", err)
	}
	var in sealed
	if err := json.Unmarshal(plain, &in); err != nil {
		return nil, fmt.Errorf("replay: open: %w", err)
	}
	return &web.Answer{Status: int(r.Status), Header: in.Header, Body: in.Body}, nil
}

// claim is a request that began.
type claim struct {
	store   Store
	request storage.IdempotentRequest
}

// Finish implements web.Claim.
func (c claim) Finish(ctx context.Context, a web.Answer) error {
	plain, err := json.Marshal(sealed{a.Header, a.Body})
	if err != nil {
		return fmt.Errorf("replay: finish: %w", err)
	}
	r := c.request
	r.Status, r.Answer, r.Expiry = int64(a.Status), c.store.Key.Seal([]byte(r.ID), plain), r.CreatedAt.Add(Lifetime)
	if err := c.store.Requests.FinishIdempotent(ctx, r); err != nil {
		return fmt.Errorf("replay: finish: %w", err)
	}
	return nil
}

// Drop implements web.Claim.
func (c claim) Drop(ctx context.Context) error {
	if err := c.store.Requests.DropIdempotent(ctx, c.request.ID, c.request.CreatedAt); err != nil {
		return fmt.Errorf("replay: drop: %w", err)
	}
	return nil
}
