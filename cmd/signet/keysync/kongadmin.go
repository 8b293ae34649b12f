package keysync

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// KongAdmin is the Admin API of a Kong with a database. All credentials of the
// consumer for the jwt plugin are kept here.
type KongAdmin struct {
	URL, Consumer string
	HTTP          *http.Client
}

// Takes says what the plugin knows.
func (KongAdmin) Takes(algorithm string) bool { return kongTakes(algorithm) }

type kongCredential struct {
	ID        string `json:"id,omitempty"`
	Key       string `json:"key"`
	Algorithm string `json:"algorithm"`
	PublicKey string `json:"rsa_public_key"`
}

// Put adds what is missing before it removes what is too much.
func (a KongAdmin) Put(ctx context.Context, keys []Key) (changed bool, err error) {
	consumer := "/consumers/" + url.PathEscape(a.Consumer)
	// PUT makes it, and leaves one that is there as it is.
	if err := a.call(ctx, http.MethodPut, consumer, map[string]string{"username": a.Consumer}, nil); err != nil {
		return false, err
	}
	have, err := a.list(ctx, consumer+"/jwt")
	if err != nil {
		return false, err
	}
	for _, k := range keys {
		want := kongCredential{Key: k.KID, Algorithm: k.Algorithm, PublicKey: k.PEM}
		i := slices.IndexFunc(have, func(c kongCredential) bool { return c.Key == k.KID })
		method, path := http.MethodPost, consumer+"/jwt"
		if i >= 0 {
			if c := have[i]; c.Algorithm == k.Algorithm && samePEM(c.PublicKey, k.PEM) {
				continue
			}
			method, path = http.MethodPatch, path+"/"+url.PathEscape(have[i].ID)
		}
		if err := a.call(ctx, method, path, want, nil); err != nil {
			return changed, err
		}
		changed = true
	}
	for _, c := range have {
		if slices.ContainsFunc(keys, func(k Key) bool { return k.KID == c.Key }) {
			continue
		}
		if err := a.call(ctx, http.MethodDelete, consumer+"/jwt/"+url.PathEscape(c.ID), nil, nil); err != nil {
			return changed, err
		}
		changed = true
	}
	return changed, nil
}

// maxPages bounds a list that never ends.
const maxPages = 20

func (a KongAdmin) list(ctx context.Context, path string) ([]kongCredential, error) {
	var all []kongCredential
	next := path + "?size=1000"
	for range maxPages {
		var page struct {
			Data []kongCredential `json:"data"`
			Next *string          `json:"next"`
		}
		if err := a.call(ctx, http.MethodGet, next, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Data...)
		if page.Next == nil {
			return all, nil
		}
		if next = *page.Next; !strings.HasPrefix(next, "/") {
			break
		}
	}
	return nil, fmt.Errorf("keysync: %s%s: a list without an end", a.URL, path)
}

func (a KongAdmin) call(ctx context.Context, method, path string, body, into any) error {
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("keysync: %w", err)
		}
		sent = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(a.URL, "/")+path, sent)
	if err != nil {
		return fmt.Errorf("keysync: %w", err)
	}
	r.Header.Set("Accept", "application/json")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := a.HTTP.Do(r)
	if err != nil {
		return fmt.Errorf("keysync: the Admin API of Kong: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument))
	if err != nil {
		return fmt.Errorf("keysync: the Admin API of Kong: %w", err)
	}
	switch {
	case method == http.MethodDelete && resp.StatusCode == http.StatusNotFound: // gone already
	case resp.StatusCode == http.StatusMethodNotAllowed:
		return fmt.Errorf("keysync: %s %s: this Kong has no database: use --file, and --exec to have it read", method, path)
	case resp.StatusCode/100 != 2:
		return fmt.Errorf("keysync: %s %s: Kong answers %d: %.200s", method, path, resp.StatusCode, answer)
	case into != nil:
		if err := json.Unmarshal(answer, into); err != nil {
			return fmt.Errorf("keysync: %s %s: Kong's answer is no JSON: %w", method, path, err)
		}
	}
	return nil
}
