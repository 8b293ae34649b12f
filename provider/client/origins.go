package client

import (
	"context"
	"net/url"
	"strings"
	"sync"

	"github.com/signet-idp/signet/storage"
)

// OriginStore is what the origins are read from.
type OriginStore interface {
	ListClients(ctx context.Context, after string, limit int) ([]storage.Client, error)
}

// Origins knows the browser origins of all registered clients, for CORS
// (design §10): those of their redirect URIs, and cors_origins. It answers from
// memory and reads all clients again when the configuration version has risen.
type Origins struct {
	store    OriginStore
	registry *Registry

	mu           sync.Mutex
	version      int64
	loaded       bool
	plain        map[string]struct{}
	credentialed map[string]struct{}
}

// NewOrigins makes an Origins that follows the registry's configuration version.
func NewOrigins(store OriginStore, registry *Registry) *Origins {
	return &Origins{store: store, registry: registry}
}

// ClientOrigin says whether an origin belongs to a client.
func (o *Origins) ClientOrigin(ctx context.Context, origin string) bool {
	return o.has(ctx, origin, false)
}

// CredentialedOrigin says whether a json_login client lists the origin in
// cors_origins.
func (o *Origins) CredentialedOrigin(ctx context.Context, origin string) bool {
	return o.has(ctx, origin, true)
}

func (o *Origins) has(ctx context.Context, origin string, credentialed bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if v := o.registry.version.Load(); !o.loaded || v != o.version {
		if err := o.load(ctx); err != nil {
			return false // closed when in doubt; the next request tries again
		}
		o.loaded, o.version = true, v
	}
	set := o.plain
	if credentialed {
		set = o.credentialed
	}
	_, ok := set[origin]
	return ok
}

const originPage = 500

func (o *Origins) load(ctx context.Context) error {
	plain, credentialed := map[string]struct{}{}, map[string]struct{}{}
	after := ""
	for {
		page, err := o.store.ListClients(ctx, after, originPage)
		if err != nil {
			return err
		}
		for _, c := range page {
			after = c.ClientID
			if c.Disabled {
				continue
			}
			for _, uri := range c.Metadata.RedirectURIs {
				if origin := originOf(uri); origin != "" {
					plain[origin] = struct{}{}
				}
			}
			for _, origin := range c.Metadata.CORSOrigins {
				plain[origin] = struct{}{}
				if c.Metadata.JSONLogin {
					credentialed[origin] = struct{}{}
				}
			}
		}
		if len(page) < originPage {
			break
		}
	}
	o.plain, o.credentialed = plain, credentialed
	return nil
}

// originOf is the origin of a web address (RFC 6454 §6.2), or "".
func originOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}
