// Package audit serves what auditors ask for: the record, filtered and as a
// file, and the keys that verify its checkpoints.
package audit

import (
	"net/http"
	"sync"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/audit"
	"github.com/signet-idp/signet/provider/directory"
)

// PathKeys is where the keys of checkpoints are.
const PathKeys = "/audit/jwks.json"

// Keys lends the key set (*keys.Manager).
type Keys interface{ Snapshot() *keys.Snapshot }

// Handler serves the routes.
type Handler struct {
	Keys      Keys
	Directory *directory.Directory
	Store     audit.QueryStore
	Holds     *audit.Holds
	Shape     shape.Options
	Clock     clock.Clock

	mu   sync.Mutex
	set  keys.KeySet
	body *web.Prepared
}

// Mount adds the routes.
func (h *Handler) Mount(t *web.Table) {
	t.Add(h.routes()...)
	t.Add(h.holdRoutes()...)
	t.Add(web.Route{
		Name: "checkpointKeys", Summary: "Keys that sign the checkpoints of the record of events", Tags: []string{"Audit"},
		Methods: []string{http.MethodGet}, Path: PathKeys, Auth: web.Public(), CORS: web.CORSAny, Prepared: h.keySet, Style: web.OAuth,
		Response: web.TypeOf[shape.KeySet](),
	})
}

// keySet is the key set, made anew when it changes.
func (h *Handler) keySet() *web.Prepared {
	set := h.Keys.Snapshot().CheckpointJWKS()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.body == nil || h.set.ETag != set.ETag || h.set.CacheControl != set.CacheControl {
		h.set, h.body = set, web.NewPrepared("application/json", set.CacheControl, set.Body)
	}
	return h.body
}
