package admin

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/fault"
)

func (h *Handler) keys() []web.Route {
	tags := []string{"Operators: keys"}
	return []web.Route{
		h.route("read:system:keys", h.listKeys, web.Route{
			Name: "adminListKeys", Summary: "The signing keys", Tags: tags, Methods: []string{http.MethodGet}, Path: "/admin/v1/keys",
			Response: web.TypeOf[Keyring](),
		}),
		h.route("write:system:keys", h.rotateKeys, web.Route{
			Name: "adminRotateKeys", Summary: "Let the next key sign", Tags: tags, Methods: []string{http.MethodPost}, Path: "/admin/v1/keys/rotate",
			Request: web.TypeOf[RotateKeys](), Response: web.TypeOf[KeyChanges](), Errors: []string{"REQ_001", "REQ_003"},
		}),
		h.route("write:system:keys", h.revokeKey, web.Route{
			Name: "adminRevokeKey", Summary: "End a key and every token it signed", Tags: tags, Methods: []string{http.MethodPost}, Path: "/admin/v1/keys/{kid}/revoke",
			Request: web.TypeOf[Reason](), Response: web.TypeOf[KeyChange](), Errors: []string{"REQ_001", "REQ_003", "REQ_004"},
		}),
	}
}

// Key is one signing key.
type Key struct {
	KID       string  `json:"kid"`
	Use       string  `json:"use"`
	Alg       string  `json:"alg"`
	State     string  `json:"state"` // next, active, retiring, gone, revoked
	CreatedAt *string `json:"created_at"`
	ActiveAt  *string `json:"active_at"`
	RetireAt  *string `json:"retire_at"`
	RevokedAt *string `json:"revoked_at"`
}

// Keyring is all keys of all rings.
type Keyring struct {
	Keys []Key `json:"keys"`
}

func (h *Handler) listKeys(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	if err := h.Keys.Tick(r.Context()); err != nil {
		return err
	}
	out, t := Keyring{Keys: []Key{}}, h.Shape.Times
	for _, k := range h.Keys.Snapshot().Keys() {
		out.Keys = append(out.Keys, Key{
			KID: k.KID, Use: string(k.Use), Alg: k.Algorithm, State: string(k.State), CreatedAt: t.Ptr(k.CreatedAt),
			ActiveAt: t.Ptr(k.ActivateAt), RetireAt: t.Ptr(k.RetireAt), RevokedAt: t.Ptr(k.RevokedAt),
		})
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

// RotateKeys names the ring.
type RotateKeys struct {
	Alg string `json:"alg" doc:"Left out: every ring for tokens."`
}

// KeyChange is what became of a key.
type KeyChange struct {
	Change string  `json:"change"` // rotated, revoked
	KID    string  `json:"kid"`
	Alg    string  `json:"alg"`
	At     *string `json:"at" format:"date-time" doc:"When the key begins to sign, or was revoked."`
}

// KeyChanges are several.
type KeyChanges struct {
	Keys []KeyChange `json:"keys"`
}

func (h *Handler) rotateKeys(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	var in RotateKeys
	if _, err := web.DecodeOptional(r, &in); err != nil {
		return err
	}
	algorithms := []string{in.Alg}
	if in.Alg == "" {
		algorithms = h.Keys.Snapshot().Algorithms()
	}
	out := KeyChanges{Keys: []KeyChange{}}
	for _, alg := range algorithms {
		ch, err := h.Keys.Rotate(r.Context(), alg)
		if errors.Is(err, keys.ErrNoActiveKey) {
			return fault.Wrap(err, fault.NotFound, fmt.Sprintf("there is no key ring for %.20q", alg))
		}
		if err != nil {
			return err
		}
		out.Keys = append(out.Keys, KeyChange{"rotated", ch.KID, ch.Algorithm, h.Shape.Times.Ptr(ch.At)})
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

func (h *Handler) revokeKey(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	var in Reason
	if _, err := web.DecodeOptional(r, &in); err != nil {
		return err
	}
	ch, err := h.Keys.Revoke(r.Context(), r.PathValue("kid"), given(in.Reason))
	switch {
	case errors.Is(err, keys.ErrUnknownKey):
		return fault.Wrap(err, fault.NotFound, "there is no such key")
	case errors.Is(err, keys.ErrKeyRevoked):
		return fault.Wrap(err, fault.Conflict, "the key is revoked already")
	case err != nil:
		return err
	}
	return web.WriteJSON(w, http.StatusOK, KeyChange{"revoked", ch.KID, ch.Algorithm, h.Shape.Times.Ptr(ch.At)})
}
