package keys_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/keys"
)

func TestDefaultRings(t *testing.T) {
	h := newHouse(t)
	m := h.loaded(t, func(o *keys.Options) { o.Config.Algorithms = nil; o.Source = nil })
	if got := m.Snapshot().Algorithms(); !slices.Equal(got, []string{keys.ES256, keys.RS256}) {
		t.Fatal(got)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		name   string
		config keys.Config
		want   error
	}{
		{"zero", keys.Config{}, nil},
		{"lead too short", keys.Config{PublishLead: 5 * time.Minute}, keys.ErrConfig},
		{"rotation shorter than the lead", keys.Config{RotateEvery: time.Minute}, keys.ErrConfig},
		{"negative", keys.Config{MaxTokenLifetime: -1}, keys.ErrConfig},
		{"symmetric algorithm", keys.Config{Algorithms: []string{"HS256"}}, keys.ErrAlgorithm},
		{"none", keys.Config{Algorithms: []string{"none"}}, keys.ErrAlgorithm},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := keys.NewManager(keys.Options{Clock: clock.System{}, Config: c.config})
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Fatalf("error %v, want %v", err, c.want)
			}
		})
	}
}
