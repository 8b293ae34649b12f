package admin

import (
	"encoding/json"
	"net/http"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/fault"
)

// members checks a body against the type of v, a pointer to a struct, decodes it
// there, and returns the members that were sent, as they were: a merge patch
// (RFC 7396) tells null from what is left out.
func members(r *http.Request, v any) (map[string]json.RawMessage, error) {
	body, err := web.ReadBody(r)
	if err != nil {
		return nil, err
	}
	if len(body) == 0 {
		return nil, fault.Field("", "a JSON body is required")
	}
	if err := web.DecodeBytes(r, body, v); err != nil {
		return nil, err
	}
	var out map[string]json.RawMessage
	if err := json.Unmarshal(body, &out); err != nil {
		return nil, fault.Field("", "the body is a JSON object")
	}
	return out, nil
}

func value(raw json.RawMessage) (any, error) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, fault.Field("", "a value has the wrong form")
	}
	return v, nil
}
