package analytics_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-idp/signet/internal/safehttp"
	"github.com/signet-idp/signet/provider/analytics"
	"github.com/signet-idp/signet/storage"
)

// receiver answers calls without a network.
type receiver struct {
	status int
	err    error
	got    []safehttp.Request
}

func (r *receiver) Do(_ context.Context, q safehttp.Request) (*safehttp.Response, error) {
	r.got = append(r.got, q)
	if r.err != nil {
		return nil, r.err
	}
	return &safehttp.Response{Status: r.status}, nil
}

func batch() []storage.Event {
	at := time.Date(2026, 10, 1, 12, 0, 0, 1000, time.UTC)
	return []storage.Event{
		{
			ID: "e-1", Type: "user.login", Time: at, Subject: "alice", Organization: "acme", Actor: "alice",
			Data: []byte(`{"acr":"aal1","amr":["pwd"]}`), Personal: []byte("sealed"), PersonalOf: "alice",
		},
		{ID: "e-2", Type: "organization.user_added", Time: at, Subject: "acme", Organization: "acme", Data: []byte(`{"user_id":"bob"}`)},
		{ID: "e-3", Type: "key.created", Time: at, Subject: "kid-1"},
		{ID: "e-4", Type: "user.login_failed", Time: at},
	}
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	r := &receiver{status: http.StatusAccepted}
	p := analytics.New(r, "https://analytics.example/v1/", "s3cret")
	if err := p.Deliver(t.Context(), batch()); err != nil {
		t.Fatal(err)
	}
	q := r.got[0]
	if q.Method != http.MethodPost || q.URL != "https://analytics.example/v1/events" || q.Header.Get("Authorization") != "Bearer s3cret" ||
		q.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%+v", q)
	}
	want := `{"events":[` +
		`{"id":"e-1","type":"user.login","timestamp":"2026-10-01T12:00:00.000001Z","user_id":"alice","organization_id":"acme","data":{"acr":"aal1","amr":["pwd"]}},` +
		`{"id":"e-2","type":"organization.user_added","timestamp":"2026-10-01T12:00:00.000001Z","user_id":"bob","organization_id":"acme","data":{"user_id":"bob"}},` +
		`{"id":"e-3","type":"key.created","timestamp":"2026-10-01T12:00:00.000001Z","user_id":null,"organization_id":null,"data":{}},` +
		`{"id":"e-4","type":"user.login_failed","timestamp":"2026-10-01T12:00:00.000001Z","user_id":null,"organization_id":null,"data":{}}]}`
	if diff := cmp.Diff(want, q.Body); diff != "" {
		t.Error(diff)
	}
	if !json.Valid([]byte(q.Body)) {
		t.Error("no JSON")
	}
}

func TestWhatIsNotTakenWaits(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 400, 401, 404, 413, 429, 500, 503} {
		err := analytics.New(&receiver{status: status}, "https://a.example", "").Deliver(t.Context(), batch())
		if !errors.Is(err, analytics.ErrRefused) {
			t.Errorf("%d: %v", status, err)
		}
	}
	away := errors.New("away")
	if err := analytics.New(&receiver{err: away}, "https://a.example", "").Deliver(t.Context(), batch()); !errors.Is(err, away) {
		t.Errorf("%v", err)
	}
	r := &receiver{status: 204}
	if err := analytics.New(r, "https://a.example", "").Deliver(t.Context(), batch()); err != nil || r.got[0].Header.Get("Authorization") != "" {
		t.Errorf("without a token: %v, %v", err, r.got[0].Header)
	}
}
