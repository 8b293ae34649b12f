package mfa

import (
	"net/http"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/directory"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/storage"
)

// mayWrite are the permissions by which policies are written: of the system and
// of single people, and of an organization.
const (
	mayWriteSystem = "write:system:policies"
	mayRead        = "read:policies"
	mayWrite       = "write:policies"
)

// policies says of one scope how its policy is found and who may do what.
type policies struct {
	name, what, path string
	auth             web.Auth
	errors           []string
	// subject is whose policy a request is about, once the caller is found to
	// be allowed to read or write it; admin: they run the system.
	subject func(r *http.Request, write bool) (scope, subject string, admin bool, err error)
}

func (h *Handler) policyRoutes() []web.Route {
	organization, user := h.organizationPolicy, h.userPolicy
	var out []web.Route
	for _, p := range []policies{
		{"Own", "what is asked of oneself", "/mfa/policy", web.Bearer(scopeAccount), nil, h.ownPolicy},
		{"System", "what is asked of everybody", "/mfa/policy/system", web.Bearer(scopeAdmin), nil, h.systemPolicy},
		{
			"Organization", "what is asked of the members of an organization", "/mfa/policy/organizations/{org_id}",
			web.BearerOneOf(scopeOrganizations, scopeAdmin),
			[]string{"ORG_001"},
			organization,
		},
		{
			"User", "what is asked of a person", "/mfa/policy/users/{user_id}",
			web.BearerOneOf(scopeAccount, scopeOrganizations, scopeAdmin),
			[]string{"USER_001"},
			user,
		},
		// Older clients' spelling.
		{
			"OrganizationOld", "what is asked of the members of an organization (the same under another path)", "/mfa/policy/organization/{org_id}",
			web.BearerOneOf(scopeOrganizations, scopeAdmin),
			[]string{"ORG_001"},
			organization,
		},
		{
			"UserOld", "what is asked of a person (the same under another path)", "/mfa/policy/user/{user_id}",
			web.BearerOneOf(scopeAccount, scopeOrganizations, scopeAdmin),
			[]string{"USER_001"},
			user,
		},
	} {
		get := route("get"+p.name+"FactorPolicy", "Read "+p.what, http.MethodGet, p.path, h.getPolicy(p))
		put := route("put"+p.name+"FactorPolicy", "Set "+p.what, http.MethodPut, p.path, h.putPolicy(p))
		put.Request = web.TypeOf[PolicyRequest]()
		put.Errors = append(put.Errors, "AUTH_014", "REQ_001", "REQ_002")
		remove := route("delete"+p.name+"FactorPolicy", "Take back "+p.what, http.MethodDelete, p.path, h.deletePolicy(p))
		remove.Errors = append(remove.Errors, "AUTH_014", "REQ_003")
		for _, r := range []web.Route{get, put, remove} {
			r.Auth, r.Response, r.Errors = p.auth, web.TypeOf[Policy](), append(r.Errors, p.errors...)
			out = append(out, r)
		}
	}
	return append(out, h.standingRoutes()...)
}

// PolicyRequest is the body of PUT; members that are left out are as without a
// policy.
type PolicyRequest struct {
	RequirementLevel  string   `json:"requirement_level" required:"true" enum:"disabled,optional,recommended,required"`
	EnforcementScopes []string `json:"enforcement_scopes" doc:"login, sensitive_operations, suspicious_login; left out: the first two."`
	AllowedMethods    []string `json:"allowed_methods" doc:"email, sms, totp, webauthn, backup_codes; left out: all."`
	GracePeriodDays   int64    `json:"grace_period_days" doc:"How long who has no factor yet may sign in without."`
	Exceptions        []string `json:"exceptions" doc:"Ids of people whom it does not bind."`
	Relaxes           bool     `json:"relaxes" doc:"It may ask for less than what stands above it: for one person, by an administrator of the system."`
}

// Policy says which second factors are asked of whom.
type Policy struct {
	RequirementLevel  string   `json:"requirement_level" enum:"disabled,optional,recommended,required"`
	EnforcementScopes []string `json:"enforcement_scopes"`
	AllowedMethods    []string `json:"allowed_methods"`
	GracePeriodDays   int64    `json:"grace_period_days"`
	GraceEndsAt       *string  `json:"grace_ends_at"` // for a person; null elsewhere
	Exceptions        []string `json:"exceptions"`
	Relaxes           bool     `json:"relaxes"`
	// Source is the scope of the policy that decided: system, organization,
	// user, or default.
	Source       string  `json:"source"`
	PolicySource string  `json:"policy_source"`
	SubjectID    *string `json:"subject_id"`
	UpdatedAt    *string `json:"updated_at"` // null: it was never set
	UpdatedBy    *string `json:"updated_by"`
}

func (h *Handler) ownPolicy(r *http.Request, write bool) (scope, subject string, admin bool, err error) {
	by, err := person(r)
	if err == nil && write {
		err = h.recent(r.Context(), by)
	}
	return storage.PolicyUser, by.signedIn.UserID, false, err
}

func (h *Handler) systemPolicy(r *http.Request, _ bool) (scope, subject string, admin bool, err error) {
	admin, err = h.runsSystem(r)
	if err == nil && !admin {
		err = fault.New(fault.Forbidden, "this needs the system permission "+mayWriteSystem)
	}
	return storage.PolicySystem, "", admin, err
}

func (h *Handler) runsSystem(r *http.Request) (bool, error) {
	holder, err := h.Directory.Holder(r.Context(), shape.CallerOf(r.Context()), "")
	if err != nil {
		return false, err
	}
	return h.Directory.May(r.Context(), holder, mayWriteSystem)
}

func (h *Handler) organizationPolicy(r *http.Request, write bool) (scope, subject string, admin bool, err error) {
	permission := mayRead
	if write {
		permission = mayWrite
	}
	o, _, err := h.Directory.Organization(r.Context(), shape.CallerOf(r.Context()), r.PathValue("org_id"), permission)
	return storage.PolicyOrganization, o.ID, false, err
}

func (h *Handler) userPolicy(r *http.Request, write bool) (scope, subject string, admin bool, err error) {
	c, id := shape.CallerOf(r.Context()), r.PathValue("user_id")
	u, sight, err := h.Directory.Person(r.Context(), c, id, "")
	if err != nil {
		return "", "", false, err
	}
	if admin, err = h.runsSystem(r); err != nil {
		return "", "", false, err
	}
	self := !c.Service && c.ID == id
	switch {
	case admin:
	case self && !web.PrincipalFrom(r.Context()).HasScope(scopeAccount):
		return "", "", false, &fault.Error{Code: fault.InsufficientScope, Message: "the token lacks the scope " + scopeAccount, Scope: scopeAccount}
	case self:
		_, _, _, err = h.ownPolicy(r, write)
	case sight == directory.SightFull && !write:
	default:
		err = fault.New(fault.Forbidden, "this is for the person and for administrators of the system")
	}
	return storage.PolicyUser, u.ID, admin, err
}

// show answers with the policy of a scope; of a person with what all of them
// ask together.
func (h *Handler) show(w http.ResponseWriter, r *http.Request, scope, subject string) error {
	if scope == storage.PolicyUser {
		e, err := h.effective(r, subject)
		if err != nil {
			return err
		}
		return web.WriteJSON(w, http.StatusOK, h.effectiveOf(e, subject))
	}
	p, set, err := h.Factors.Policy(r.Context(), scope, subject)
	if err != nil {
		return err
	}
	source := scope
	if !set {
		source = mfa.SourceDefault
	}
	return web.WriteJSON(w, http.StatusOK, h.policyOf(p, source, subject))
}

func (h *Handler) effective(r *http.Request, userID string) (mfa.Effective, error) {
	a, err := h.Directory.Account(r.Context(), userID, "")
	if err != nil {
		return mfa.Effective{}, err
	}
	return h.Factors.Effective(r.Context(), a.User)
}

func (h *Handler) effectiveOf(e mfa.Effective, userID string) Policy {
	p := h.policyOf(e.MFAPolicy, e.Source, userID)
	p.Exceptions = []string{} // whom else a policy does not bind is not theirs to know
	if e.Requirement == mfa.Required {
		p.GraceEndsAt = h.Shape.Times.Ptr(e.GraceEnds)
	}
	return p
}

func (h *Handler) policyOf(p storage.MFAPolicy, source, subject string) Policy {
	methods := p.Methods
	if methods == nil {
		methods = mfa.Kinds()
	}
	return Policy{
		RequirementLevel: p.Requirement, EnforcementScopes: shape.List(p.Enforcement), AllowedMethods: methods, GracePeriodDays: p.GraceDays,
		Exceptions: shape.List(p.Exceptions), Relaxes: p.Relaxes, Source: source, PolicySource: source, SubjectID: optional(subject),
		UpdatedAt: h.Shape.Times.Ptr(p.UpdatedAt), UpdatedBy: optional(p.UpdatedBy),
	}
}

func (h *Handler) getPolicy(p policies) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		scope, subject, _, err := p.subject(r, false)
		if err != nil {
			return err
		}
		return h.show(w, r, scope, subject)
	}
}

func (h *Handler) putPolicy(p policies) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		scope, subject, admin, err := p.subject(r, true)
		if err != nil {
			return err
		}
		var q PolicyRequest
		if err := web.Decode(r, &q); err != nil {
			return err
		}
		if q.Relaxes && !admin {
			return fault.New(fault.Forbidden, "only an administrator of the system lets somebody do with less")
		}
		if q.EnforcementScopes == nil {
			q.EnforcementScopes = mfa.Enforcements()
		}
		if _, err := h.Factors.SetPolicy(r.Context(), storage.MFAPolicy{
			Scope: scope, Subject: subject, Requirement: q.RequirementLevel, Enforcement: q.EnforcementScopes, Methods: q.AllowedMethods,
			GraceDays: q.GracePeriodDays, Exceptions: q.Exceptions, Relaxes: q.Relaxes, UpdatedBy: shape.CallerOf(r.Context()).ID,
		}); err != nil {
			return err
		}
		return h.show(w, r, scope, subject)
	}
}

// deletePolicy answers with what holds from now on.
func (h *Handler) deletePolicy(p policies) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		scope, subject, _, err := p.subject(r, true)
		if err != nil {
			return err
		}
		if err := h.Factors.DeletePolicy(r.Context(), scope, subject, shape.CallerOf(r.Context()).ID); err != nil {
			return err
		}
		return h.show(w, r, scope, subject)
	}
}

// Standing is how a person stands to what is asked of them.
type Standing struct {
	UserID       string  `json:"user_id"`
	Policy       Policy  `json:"policy"`
	Requirement  string  `json:"requirement_level"`
	MFAEnabled   bool    `json:"mfa_enabled"`
	MethodsCount int     `json:"methods_count"`
	Compliant    bool    `json:"compliant"` // nothing is asked that is missing
	GraceEndsAt  *string `json:"grace_ends_at"`
}

func (h *Handler) standingRoutes() []web.Route {
	status := route("getFactorStanding", "How a person stands to what is asked of them", http.MethodGet, "/mfa/policy/status/{user_id}", h.standing)
	configuration := route("getFactorConfiguration", "What is asked of a person, and how they stand to it (the same under another path)",
		http.MethodGet, "/mfa/policy/configuration/{user_id}", h.standing)
	out := []web.Route{status, configuration}
	for i := range out {
		out[i].Auth = web.BearerOneOf(scopeAccount, scopeOrganizations, scopeAdmin)
		out[i].Response, out[i].Errors = web.TypeOf[Standing](), bearer("USER_001")
	}
	return out
}

func (h *Handler) standing(w http.ResponseWriter, r *http.Request) error {
	_, id, _, err := h.userPolicy(r, false)
	if err != nil {
		return err
	}
	e, err := h.effective(r, id)
	if err != nil {
		return err
	}
	n, err := h.Factors.CountFactors(r.Context(), id)
	if err != nil {
		return err
	}
	p := h.effectiveOf(e, id)
	return web.WriteJSON(w, http.StatusOK, Standing{
		UserID: id, Policy: p, Requirement: p.RequirementLevel, MFAEnabled: n > 0, MethodsCount: n,
		Compliant: n > 0 || e.Requirement != mfa.Required, GraceEndsAt: p.GraceEndsAt,
	})
}
