package web

import (
	"net/http"
	"reflect"
	"strings"
	"time"
)

// HandlerFunc answers one request. When it returns an error it has written
// nothing; the frame writes the answer.
type HandlerFunc func(w http.ResponseWriter, r *http.Request) error

// Style is the wire form of a route's errors.
type Style uint8

const (
	// JSON answers {"detail","error_code","timestamp","request_id"}.
	JSON Style = iota
	// OAuth answers {"error","error_description"} (RFC 6749 §5.2, RFC 6750 §3).
	OAuth
	// Page answers with a hosted page.
	Page
)

// CORS says which foreign origins may read a route's answers (design §10).
type CORS uint8

const (
	// CORSNone lets no foreign origin read.
	CORSNone CORS = iota
	// CORSAny lets every origin read, without credentials (discovery, JWKS, userinfo).
	CORSAny
	// CORSClient lets origins of registered clients read, without credentials.
	CORSClient
	// CORSCredentialed lets origins in cors_origins of a json_login client call
	// with cookies, and only with the header X-Signet-Request: 1.
	CORSCredentialed
)

// Classes of Route.RateClass. Each has a limit of its own in the config group
// limits, counted by client address and, where a bearer token says who calls,
// by subject as well. What must be fast (refresh, validate, authorize, everything
// under /oauth2, JWKS, discovery) has none: a counter would be the slowest part,
// and nothing there can be guessed.
const (
	RateLogin    = "login"    // POST /auth/login: guesses passwords
	RateRegister = "register" // makes accounts
	RateMail     = "mail"     // sends a mail or text message to an address that was typed in
	RateStrength = "strength" // rates a password while it is typed
	RateToken    = "token"    // takes a token of 256 random bits: logout, reset, verify
	RateRead     = "read"     // GET
	RateWrite    = "write"    // everything else
	RateAdmin    = "admin"    // /admin/v1
	RateNone     = "none"     // no limit, where a bearer route would have one by itself
)

// Route is one row of the route table. It drives the router, the authorization
// check, limits and the API document.
type Route struct {
	Name    string   // operationId: stable, unique, lowerCamelCase
	Summary string   // one line for the API document
	Tags    []string // groups in the API document

	Methods []string // upper case; GET serves HEAD too
	// AnyMethod answers every other method too, OPTIONS and those of extensions
	// (RFC 9110 §16.1): for routes that judge somebody else's request.
	AnyMethod bool
	Path      string // mux template, e.g. "/users/{user_id}"; read with r.PathValue
	Legacy    bool   // also served under /api/v1

	Auth    Auth // required: a route without a rule does not mount
	Handler HandlerFunc
	// Prepared, instead of Handler, hands out a ready document (discovery, JWKS).
	Prepared func() *Prepared

	Style     Style
	CORS      CORS
	RateClass string // limit class asked of the Limiter, one of Rate…; empty: see Class
	// Idempotent honours Idempotency-Key: a repeated request gets the first
	// one's answer. For POSTs that create something; the handler writes its whole
	// answer before it returns and does not stream.
	Idempotent bool
	// Tagged says that the success answer is written with WriteJSONTagged: it has
	// an ETag, and If-None-Match is answered 304.
	Tagged bool

	BodyLimit    int64         // bytes; 0: 64 KiB, for Legacy routes 1 MiB
	ContentTypes []string      // accepted body types; nil: JSON, or form for OAuth and Page
	Timeout      time.Duration // deadline of the context; 0: 10 s; negative: none (streams)

	// AllowCrossOrigin exempts an unsafe browser route from the cross-origin
	// check: only for endpoints that other sites post to by standard.
	AllowCrossOrigin bool
	// AnyHost serves the route under every Host, in development too: for routes
	// that gateways bring from hosts of their own.
	AnyHost bool
	// Pages writes the error pages of a Page route; nil: Options.Pages.
	Pages ErrorPages
	// Quiet logs successful requests at debug level (probes, metrics).
	Quiet bool

	Request  reflect.Type // body, or nil
	Query    reflect.Type // query parameters, or nil
	Response reflect.Type // body of the success answer, or nil
	Status   int          // success status for the document; 0: 200
	// Items is the element of a list answer that shape.Options.WriteList writes
	// bare under the switch legacy.list_shape=array.
	Items reflect.Type
	// Produces is the content type of the success answer; empty: JSON if there is
	// a Response, else no body.
	Produces string
	// Answers are further success answers: status to body type, nil for none.
	Answers map[int]reflect.Type
	Errors  []string // error codes of the wire (AUTH_001, invalid_grant) for the document
	Hidden  bool     // left out of the API document (pages, development)
}

// TypeOf is reflect.TypeFor under a short name, for Route literals.
func TypeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

const (
	defaultBodyLimit = 64 << 10
	legacyBodyLimit  = 1 << 20
	defaultTimeout   = 10 * time.Second
)

func (r *Route) bodyLimit() int64 {
	switch {
	case r.BodyLimit > 0:
		return r.BodyLimit
	case r.Legacy:
		return legacyBodyLimit
	default:
		return defaultBodyLimit
	}
}

func (r *Route) contentTypes() []string {
	switch {
	case r.ContentTypes != nil:
		return r.ContentTypes
	case r.Style == JSON:
		return []string{"application/json"}
	default:
		return []string{"application/x-www-form-urlencoded"}
	}
}

// Class is the limit class of requests with method; empty: none. What a bearer
// token opens has one unless the route says RateNone.
func (r *Route) Class(method string) string {
	switch {
	case r.RateClass == RateNone:
		return ""
	case r.RateClass != "" || r.Style != JSON || r.Auth.rule != ruleBearer:
		return r.RateClass
	case strings.HasPrefix(r.Path, "/admin/"):
		return RateAdmin
	case safe(method):
		return RateRead
	default:
		return RateWrite
	}
}

// BodyTypes are the content types a request body may have.
func (r *Route) BodyTypes() []string { return r.contentTypes() }

func (r *Route) timeout() time.Duration {
	if r.Timeout == 0 {
		return defaultTimeout
	}
	return max(r.Timeout, 0)
}
