package access

import (
	"net/http"
	"strings"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/directory"
	"github.com/signet-idp/signet/provider/fault"
)

// AuthorizeRequest is one question.
type AuthorizeRequest struct {
	Action   string `json:"action"`
	Resource string `json:"resource"`
	// Permission, as action:resource, instead of the two.
	Permission     string `json:"permission"`
	UserID         string `json:"user_id"`
	OrganizationID string `json:"organization_id"`
	TenantID       string `json:"tenant_id" alias:"organization_id"`
	ResourceID     string `json:"resource_id"`
	// Context describes the circumstances. Roles do not depend on any, so it is
	// read and decides nothing.
	Context map[string]any `json:"context"`
	// Explain asks for reason and matches, which every answer has.
	Explain bool `json:"explain"`
}

// AuthorizeQuery is the same question in the address.
type AuthorizeQuery struct {
	Permission     string `json:"permission"`
	UserID         string `json:"user_id"`
	OrganizationID string `json:"organization_id"`
}

// Decision is the verdict and why.
type Decision struct {
	Authorized     bool    `json:"authorized"`
	Allowed        bool    `json:"allowed"`
	UserID         string  `json:"user_id"`
	OrganizationID *string `json:"organization_id"`
	Permission     string  `json:"permission"`
	Action         string  `json:"action"`
	Resource       string  `json:"resource"`
	ResourceID     *string `json:"resource_id"`
	Reason         string  `json:"reason"`
	Matched        []Match `json:"matched"`
	PolicyVersion  int64   `json:"policy_version"`
	PermEpoch      int64   `json:"perm_epoch"`
	DecisionID     string  `json:"decision_id"`
}

// Match is a role that allows it.
type Match struct {
	Role           string  `json:"role"`
	Permission     string  `json:"permission"` // the one held, which may be a wildcard
	OrganizationID *string `json:"organization_id"`
}

// Bounds of what a question names; a permission that exists is shorter.
const maxWord = 256

func (h *Handler) authorize(w http.ResponseWriter, r *http.Request) error {
	in, err := readQuestion(r)
	if err != nil {
		return err
	}
	caller := shape.CallerOf(r.Context())
	if in.UserID == "me" {
		in.UserID = caller.ID
	}
	a, err := h.Directory.Authorize(r.Context(), caller, directory.Question{
		UserID: in.UserID, OrganizationID: in.OrganizationID, Permission: in.Permission,
	})
	if err != nil {
		return err
	}
	out := Decision{
		Authorized: a.Allowed, Allowed: a.Allowed, UserID: a.UserID, OrganizationID: optional(a.OrganizationID),
		Permission: in.Permission, Action: in.Action, Resource: in.Resource, ResourceID: optional(in.ResourceID),
		Reason: string(a.Reason), Matched: []Match{}, PolicyVersion: a.Version, PermEpoch: a.Epoch, DecisionID: h.NewID(),
	}
	for _, m := range a.Matches {
		out.Matched = append(out.Matched, Match{Role: h.Shape.Roles([]string{m.Role})[0], Permission: m.Permission, OrganizationID: optional(m.OrganizationID)})
	}
	web.NoStore(w)
	return web.WriteJSON(w, http.StatusOK, out)
}

// readQuestion reads the body, and what the address adds to it.
func readQuestion(r *http.Request) (AuthorizeRequest, error) {
	var in AuthorizeRequest
	if r.Method == http.MethodPost {
		if _, err := web.DecodeOptional(r, &in); err != nil {
			return in, err
		}
	}
	q := r.URL.Query()
	for name, member := range map[string]*string{
		"permission": &in.Permission, "user_id": &in.UserID, "organization_id": &in.OrganizationID,
	} {
		if *member == "" {
			*member = q.Get(name)
		}
	}
	if in.Permission == "" && in.Action != "" && in.Resource != "" {
		in.Permission = in.Action + ":" + in.Resource
	}
	if in.Permission == "" {
		return in, &fault.Error{Code: fault.Invalid, Message: "what is asked for is missing", Fields: []fault.FieldError{
			{Field: "action", Message: "write action and resource, or permission=action:resource", Type: "missing"},
		}}
	}
	in.Action, in.Resource, _ = strings.Cut(in.Permission, ":")
	var fields []fault.FieldError
	for name, s := range map[string]string{"resource": in.Permission, "resource_id": in.ResourceID} {
		if len(s) > maxWord {
			fields = append(fields, fault.FieldError{Field: name, Message: "this is too long"})
		}
	}
	if len(fields) > 0 {
		return in, &fault.Error{Code: fault.Invalid, Message: "the question is too long", Fields: fields}
	}
	return in, nil
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
