package admin

import (
	"net/http"
	"time"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/operator"
	"github.com/signet-idp/signet/storage"
)

func (h *Handler) clients() []web.Route {
	tags, one := []string{"Operators: clients"}, "/admin/v1/clients/{client_id}"
	return []web.Route{
		h.route("read:system:clients", h.listClients, web.Route{
			Name: "adminListClients", Summary: "The clients", Tags: tags, Methods: []string{http.MethodGet}, Path: "/admin/v1/clients",
			Query: web.TypeOf[CursorQuery](), Response: web.TypeOf[Clients](), Errors: []string{"REQ_001"},
		}),
		h.route("write:system:clients", h.createClient, web.Route{
			Name: "adminCreateClient", Summary: "Register a client", Tags: tags, Methods: []string{http.MethodPost}, Path: "/admin/v1/clients",
			Idempotent: true, Request: web.TypeOf[CreateClient](), Response: web.TypeOf[NewClient](), Status: http.StatusCreated,
			Errors: []string{"REQ_001", "REQ_004", "ORG_001"},
		}),
		h.route("read:system:clients", h.getClient, web.Route{
			Name: "adminGetClient", Summary: "A client", Tags: tags, Methods: []string{http.MethodGet}, Path: one,
			Response: web.TypeOf[Client](), Errors: []string{"REQ_003"},
		}),
		h.route("write:system:clients", h.patchClient, web.Route{
			Name: "adminUpdateClient", Summary: "Change or disable a client", Tags: tags, Methods: []string{http.MethodPatch}, Path: one,
			Request: web.TypeOf[PatchClient](), Response: web.TypeOf[Client](), Errors: []string{"REQ_001", "REQ_003", "REQ_004", "REQ_007"},
		}),
		h.route("delete:system:clients", h.deleteClient, web.Route{
			Name: "adminDeleteClient", Summary: "Remove a client with its grants and tokens", Tags: tags, Methods: []string{http.MethodDelete}, Path: one,
			Query: web.TypeOf[Removal](), Status: http.StatusNoContent, Errors: []string{"REQ_003", "REQ_007"},
		}),
	}
}

// Client is a registered client. The members of its metadata are named as in
// RFC 7591 and left out when they have no value, as there.
type Client struct {
	ClientID       string  `json:"client_id"`
	OrganizationID *string `json:"organization_id"`
	Disabled       bool    `json:"disabled"`
	ManagedBy      *string `json:"managed_by"`
	Version        int64   `json:"version"`
	CreatedAt      *string `json:"created_at"`
	UpdatedAt      *string `json:"updated_at"`
	// LiveSecrets counts the secrets that are good now.
	LiveSecrets int `json:"live_secrets"`
	storage.ClientMetadata
}

// NewClient is a client with its secret, which is shown this once; null when it
// has none.
type NewClient struct {
	Client
	ClientSecret *string `json:"client_secret"`
}

func (h *Handler) client(c storage.Client) Client {
	t := h.Shape.Times
	return Client{
		ClientID: c.ClientID, OrganizationID: optional(c.OrganizationID), Disabled: c.Disabled, ManagedBy: optional(c.ManagedBy),
		Version: c.Version, CreatedAt: t.Ptr(c.CreatedAt), UpdatedAt: t.Ptr(c.UpdatedAt),
		LiveSecrets: len(client.LiveSecrets(c, h.Clock.Now())), ClientMetadata: c.Metadata,
	}
}

// CursorQuery pages a list that is read by its cursor.
type CursorQuery struct {
	PageSize int    `json:"page_size"`
	Cursor   string `json:"cursor"`
}

// Clients is a page of clients, by client_id.
type Clients struct {
	Clients    []Client `json:"clients"`
	PageSize   int      `json:"page_size"`
	NextCursor *string  `json:"next_cursor"`
}

func (h *Handler) listClients(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	p, err := cursor(r, client.ValidID)
	if err != nil {
		return err
	}
	list, err := h.Clients.List(r.Context(), p.Cursor, p.Size)
	if err != nil {
		return err
	}
	out, last := Clients{Clients: []Client{}, PageSize: p.Size}, ""
	for _, c := range list {
		last = c.ClientID
		out.Clients = append(out.Clients, h.client(c))
	}
	out.NextCursor = p.NextCursor(len(list), last)
	return web.WriteJSON(w, http.StatusOK, out)
}

// cursor reads the paging of a list that has no numbered pages.
func cursor(r *http.Request, valid func(string) bool) (web.Paging, error) {
	p, err := web.ReadPaging(r)
	switch {
	case err != nil:
		return p, err
	case p.Offset > 0:
		return p, fault.Field("query.page", "this list is read by cursor")
	case p.Cursor != "" && !valid(p.Cursor):
		return p, fault.Field("query.cursor", "use the next_cursor of the answer before")
	}
	return p, nil
}

// CreateClient registers a client.
type CreateClient struct {
	ClientID       string `json:"client_id" doc:"Left out: one is made."`
	OrganizationID string `json:"organization_id" doc:"An id or a slug; left out: of the whole system."`
	storage.ClientMetadata
}

func (h *Handler) createClient(w http.ResponseWriter, r *http.Request, by access.Holder) error {
	var in CreateClient
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	reg := client.Registration{ClientID: in.ClientID, Metadata: in.ClientMetadata, Source: "admin"}
	if in.OrganizationID != "" {
		o, err := h.organization(r.Context(), in.OrganizationID)
		if err != nil {
			return err
		}
		reg.OrganizationID = o.ID
	}
	c, secret, err := h.Clients.Create(r.Context(), by, reg)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/admin/v1/clients/"+c.ClientID)
	return write(w, http.StatusCreated, c.Version, NewClient{Client: h.client(c), ClientSecret: optional(secret)})
}

func clientID(r *http.Request) (string, error) {
	id := r.PathValue("client_id")
	if !client.ValidID(id) {
		return "", fault.New(fault.NotFound, "there is no such client")
	}
	return id, nil
}

func (h *Handler) getClient(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	id, err := clientID(r)
	if err != nil {
		return err
	}
	c, err := h.Clients.Get(r.Context(), id)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, c.Version, h.client(c))
}

// PatchClient changes a client: a merge patch of its metadata, and whether it
// may be used. null takes a member back to its default.
type PatchClient struct {
	Disabled *bool  `json:"disabled"`
	Reason   string `json:"reason" doc:"Why it is disabled: an enumeration for the record; free text becomes other."`
	storage.ClientMetadata
}

func (h *Handler) patchClient(w http.ResponseWriter, r *http.Request, by access.Holder) error {
	id, err := clientID(r)
	if err != nil {
		return err
	}
	version, err := ifMatch(r)
	if err != nil {
		return err
	}
	var in PatchClient
	sent, err := members(r, &in)
	if err != nil {
		return err
	}
	delete(sent, "disabled")
	delete(sent, "reason")
	c, err := h.Operator.UpdateClient(r.Context(), by, id, version, operator.ClientPatch{
		Metadata: sent, Disabled: in.Disabled, Reason: given(in.Reason),
	})
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, c.Version, h.client(c))
}

func (h *Handler) deleteClient(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	id, err := clientID(r)
	if err != nil {
		return err
	}
	version, err := ifMatch(r)
	if err != nil {
		return err
	}
	if err := h.Operator.DeleteClient(r.Context(), id, version, reason(r)); err != nil {
		return err
	}
	return web.NoContent(w)
}

func (h *Handler) secrets() []web.Route {
	tags, all := []string{"Operators: clients"}, "/admin/v1/clients/{client_id}/secrets"
	return []web.Route{
		h.route("read:system:clients", h.listSecrets, web.Route{
			Name: "adminListClientSecrets", Summary: "A client's live secrets, without their values", Tags: tags, Methods: []string{http.MethodGet}, Path: all,
			Response: web.TypeOf[Secrets](), Errors: []string{"REQ_003"},
		}),
		h.route("write:system:clients", h.createSecret, web.Route{
			Name: "adminCreateClientSecret", Summary: "Give a client a new secret beside the old one", Tags: tags, Methods: []string{http.MethodPost}, Path: all,
			Request: web.TypeOf[CreateSecret](), Response: web.TypeOf[NewSecret](), Status: http.StatusCreated, Errors: []string{"REQ_001", "REQ_003", "REQ_004"},
		}),
		h.route("write:system:clients", h.deleteSecret, web.Route{
			Name: "adminDeleteClientSecret", Summary: "End one of a client's secrets", Tags: tags, Methods: []string{http.MethodDelete}, Path: all + "/{secret_id}",
			Status: http.StatusNoContent, Errors: []string{"REQ_003", "REQ_004"},
		}),
	}
}

// Secret is one live secret, without its value.
type Secret struct {
	ID        string  `json:"id"`
	CreatedAt *string `json:"created_at"`
	ExpiresAt *string `json:"expires_at"` // null: it does not
}

// Secrets are a client's live secrets, oldest first: at most two.
type Secrets struct {
	ClientID string   `json:"client_id"`
	Secrets  []Secret `json:"secrets"`
}

func (h *Handler) secretsOf(c storage.Client) Secrets {
	out := Secrets{ClientID: c.ClientID, Secrets: []Secret{}}
	for _, s := range client.LiveSecrets(c, h.Clock.Now()) {
		out.Secrets = append(out.Secrets, Secret{ID: s.ID, CreatedAt: h.Shape.Times.Ptr(s.CreatedAt), ExpiresAt: h.Shape.Times.Ptr(s.ExpiresAt)})
	}
	return out
}

func (h *Handler) listSecrets(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	id, err := clientID(r)
	if err != nil {
		return err
	}
	c, err := h.Clients.Get(r.Context(), id)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, h.secretsOf(c))
}

// CreateSecret says what becomes of the old secret.
type CreateSecret struct {
	// ExpiresIn is how long the newest old secret stays good, in seconds; 0: it
	// ends now. Older ones end in any case.
	ExpiresIn int64 `json:"expires_in"`
}

// NewSecret is the new secret, shown this once, and those that are live now.
type NewSecret struct {
	Secrets
	ClientSecret string `json:"client_secret"`
}

// maxOverlap bounds what is multiplied into a duration.
const maxOverlap = 90 * 24 * 60 * 60

func (h *Handler) createSecret(w http.ResponseWriter, r *http.Request, by access.Holder) error {
	id, err := clientID(r)
	if err != nil {
		return err
	}
	var in CreateSecret
	if _, err := web.DecodeOptional(r, &in); err != nil {
		return err
	}
	if in.ExpiresIn < 0 || in.ExpiresIn > maxOverlap {
		return fault.Field("expires_in", "0 to 90 days, in seconds")
	}
	c, secret, err := h.Operator.RotateSecret(r.Context(), by, id, time.Duration(in.ExpiresIn)*time.Second)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusCreated, NewSecret{Secrets: h.secretsOf(c), ClientSecret: secret})
}

func (h *Handler) deleteSecret(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	id, err := clientID(r)
	if err != nil {
		return err
	}
	if _, err := h.Clients.DeleteSecret(r.Context(), id, r.PathValue("secret_id")); err != nil {
		return err
	}
	return web.NoContent(w)
}
