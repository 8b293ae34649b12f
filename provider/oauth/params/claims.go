package params

import (
	"encoding/json"
	"errors"

	"github.com/signet-idp/signet/provider/oauth/internal/strictjson"
)

// Bounds of the claims parameter.
const (
	MaxClaims      = 64
	MaxClaimValues = 64
	maxClaimsDepth = 5
)

// Claims is the claims parameter (OpenID Connect Core §5.5). The zero value
// asks for nothing.
type Claims struct {
	UserInfo map[string]ClaimRequest `json:"userinfo,omitempty"`
	IDToken  map[string]ClaimRequest `json:"id_token,omitempty"`
}

// ClaimRequest asks for one claim. The zero value, written null, asks for it as
// a voluntary claim.
type ClaimRequest struct {
	Essential bool
	Value     json.RawMessage   // nil: any
	Values    []json.RawMessage // nil: any, in order of preference
}

// IsZero reports whether nothing is asked for.
func (c Claims) IsZero() bool { return len(c.UserInfo) == 0 && len(c.IDToken) == 0 }

// ParseClaims reads claims. An empty string asks for nothing. Members that the
// specification does not know are ignored, as it demands.
func ParseClaims(s string) (Claims, error) {
	if s == "" {
		return Claims{}, nil
	}
	if len(s) > MaxValue {
		return Claims{}, refuse("claims", TooLong)
	}
	members, err := strictjson.Object([]byte(s), maxClaimsDepth)
	if err != nil {
		return Claims{}, refuseJSON(err)
	}
	userInfo, err := parseClaimSet(members["userinfo"])
	if err != nil {
		return Claims{}, err
	}
	idToken, err := parseClaimSet(members["id_token"])
	if err != nil {
		return Claims{}, err
	}
	if len(userInfo)+len(idToken) > MaxClaims {
		return Claims{}, refuse("claims", TooMany)
	}
	return Claims{UserInfo: userInfo, IDToken: idToken}, nil
}

func parseClaimSet(raw json.RawMessage) (map[string]ClaimRequest, error) {
	if isNull(raw) {
		return nil, nil
	}
	members, err := strictjson.Object(raw, maxClaimsDepth)
	if err != nil {
		return nil, refuseJSON(err)
	}
	if len(members) > MaxClaims {
		return nil, refuse("claims", TooMany)
	}
	set := make(map[string]ClaimRequest, len(members))
	for name, raw := range members {
		if name == "" || len(name) > MaxValue/4 || !isText(name) {
			return nil, refuse("claims", Malformed)
		}
		if set[name], err = parseClaimRequest(raw); err != nil {
			return nil, err
		}
	}
	return set, nil
}

func parseClaimRequest(raw json.RawMessage) (ClaimRequest, error) {
	var request ClaimRequest
	if isNull(raw) {
		return request, nil
	}
	members, err := strictjson.Object(raw, maxClaimsDepth)
	if err != nil {
		return request, refuseJSON(err)
	}
	if essential := members["essential"]; !isNull(essential) {
		if json.Unmarshal(essential, &request.Essential) != nil {
			return request, refuse("claims", Malformed)
		}
	}
	if value := members["value"]; !isNull(value) {
		request.Value = value
	}
	if values := members["values"]; !isNull(values) {
		if json.Unmarshal(values, &request.Values) != nil {
			return request, refuse("claims", Malformed)
		}
		if len(request.Values) > MaxClaimValues {
			return request, refuse("claims", TooMany)
		}
		if len(request.Values) == 0 {
			request.Values = nil
		}
	}
	return request, nil
}

// MarshalJSON writes the request as the specification does, so that a stored
// Claims reads back through ParseClaims.
func (r ClaimRequest) MarshalJSON() ([]byte, error) {
	if !r.Essential && r.Value == nil && r.Values == nil {
		return []byte("null"), nil
	}
	return json.Marshal(struct {
		Essential bool              `json:"essential,omitempty"`
		Value     json.RawMessage   `json:"value,omitempty"`
		Values    []json.RawMessage `json:"values,omitempty"`
	}{r.Essential, r.Value, r.Values})
}

// isNull reports whether a member is absent or null.
func isNull(raw json.RawMessage) bool { return raw == nil || string(raw) == "null" }

func refuseJSON(err error) *Error {
	switch {
	case errors.Is(err, strictjson.ErrDuplicate):
		return refuse("claims", Duplicate)
	case errors.Is(err, strictjson.ErrDepth):
		return refuse("claims", Depth)
	default:
		return refuse("claims", Malformed)
	}
}
