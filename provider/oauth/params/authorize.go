package params

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of the space-separated lists.
const (
	MaxScopes    = 50 // a person can be asked to agree to no more
	MaxACRValues = 16
	MaxUILocales = 16
)

// Scopes are scope tokens in the order sent, each once.
type Scopes []string

// String joins the tokens as RFC 6749 §3.3 writes them.
func (s Scopes) String() string { return strings.Join(s, " ") }

// Has reports whether the token is among them.
func (s Scopes) Has(token string) bool { return slices.Contains(s, token) }

// ParseScope reads scope (RFC 6749 §3.3). More than one space between tokens is
// tolerated, since clients in the field send it. An empty string gives none.
func ParseScope(s string) (Scopes, error) {
	tokens, err := list("scope", s, MaxScopes)
	if err != nil {
		return nil, err
	}
	for _, token := range tokens {
		if strings.ContainsFunc(token, notScopeChar) {
			return nil, refuse("scope", Malformed)
		}
	}
	return tokens, nil
}

// notScopeChar reports whether r is outside NQCHAR: %x21 / %x23-5B / %x5D-7E.
func notScopeChar(r rune) bool { return r < '!' || r > '~' || r == '"' || r == '\\' }

// Prompt is what the client asks of the user interface (OpenID Connect Core
// §3.1.2.1). None excludes the others.
type Prompt struct {
	None, Login, Consent, SelectAccount bool
}

// String gives the values in a fixed order.
func (p Prompt) String() string {
	var values []string
	for _, v := range []struct {
		set  bool
		name string
	}{{p.None, "none"}, {p.Login, "login"}, {p.Consent, "consent"}, {p.SelectAccount, "select_account"}} {
		if v.set {
			values = append(values, v.name)
		}
	}
	return strings.Join(values, " ")
}

// ParsePrompt reads prompt. Unknown values are refused: a client that asks for
// an interaction we do not know must not believe that it took place.
func ParsePrompt(s string) (Prompt, error) {
	values, err := list("prompt", s, MaxACRValues)
	if err != nil {
		return Prompt{}, err
	}
	var p Prompt
	for _, value := range values {
		switch value {
		case "none":
			p.None = true
		case "login":
			p.Login = true
		case "consent":
			p.Consent = true
		case "select_account":
			p.SelectAccount = true
		default:
			return Prompt{}, refuse("prompt", Unsupported)
		}
	}
	if p.None && len(values) > 1 {
		return Prompt{}, refuse("prompt", Combination)
	}
	return p, nil
}

// MaxAge is how long ago the user may have authenticated. The zero value means
// that the client did not say.
type MaxAge struct {
	Set bool
	Age time.Duration // whole seconds; 0 asks for authentication now
}

// maxAgeCap is a hundred years: more means the same and would overflow.
const maxAgeCap = 100 * 365 * 24 * time.Hour

// ParseMaxAge reads max_age, a decimal number of seconds without sign or
// leading zeros (OpenID Connect Core §3.1.2.1). An empty string is absent;
// above a hundred years it is a hundred years.
func ParseMaxAge(s string) (MaxAge, error) {
	if s == "" {
		return MaxAge{}, nil
	}
	if len(s) > 19 || (len(s) > 1 && s[0] == '0') || strings.Trim(s, "0123456789") != "" {
		return MaxAge{}, refuse("max_age", Malformed)
	}
	seconds, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return MaxAge{}, refuse("max_age", Malformed)
	}
	age := maxAgeCap
	if seconds < int64(maxAgeCap/time.Second) {
		age = time.Duration(seconds) * time.Second
	}
	return MaxAge{Set: true, Age: age}, nil
}

// ParseACRValues reads acr_values in the order of preference, each once.
func ParseACRValues(s string) ([]string, error) {
	return list("acr_values", s, MaxACRValues)
}

// ParseUILocales reads ui_locales (or claims_locales) in the order of
// preference, each once. What does not look like a language tag (BCP 47) is
// left out, as is everything past the first MaxUILocales: a language is a wish,
// and a wish never fails a request.
func ParseUILocales(s string) []string {
	var tags []string
	for tag := range strings.SplitSeq(s, " ") {
		tag = strings.ReplaceAll(tag, "_", "-")
		if tag == "" || len(tag) > 35 || strings.ContainsFunc(tag, notTagChar) || slices.Contains(tags, tag) {
			continue
		}
		if tags = append(tags, tag); len(tags) == MaxUILocales {
			break
		}
	}
	return tags
}

func notTagChar(r rune) bool { return r == '.' || notNameChar(r) }

// ResponseMode says how the answer travels to the redirect URI.
type ResponseMode string

// The response modes (OAuth 2.0 Multiple Response Types §2.1, Form Post §2).
const (
	ModeDefault  ResponseMode = ""
	ModeQuery    ResponseMode = "query"
	ModeFragment ResponseMode = "fragment"
	ModeFormPost ResponseMode = "form_post"
)

// ParseResponseMode reads response_mode; an empty string is ModeDefault.
func ParseResponseMode(s string) (ResponseMode, error) {
	switch mode := ResponseMode(s); mode {
	case ModeDefault, ModeQuery, ModeFragment, ModeFormPost:
		return mode, nil
	default:
		return "", refuse("response_mode", Unsupported)
	}
}

// list splits at spaces and drops repetitions, keeping the order.
func list(name, s string, limit int) ([]string, error) {
	if len(s) > MaxValue {
		return nil, refuse(name, TooLong)
	}
	var tokens []string
	for token := range strings.SplitSeq(s, " ") {
		if token == "" || slices.Contains(tokens, token) {
			continue
		}
		if len(tokens) == limit {
			return nil, refuse(name, TooMany)
		}
		if !isText(token) {
			return nil, refuse(name, Text)
		}
		tokens = append(tokens, token)
	}
	return tokens, nil
}
