// Package openapi writes the OpenAPI 3.1 document of the server and the page
// that shows it, both from the route table, so that neither can say anything
// else than what the router does.
//
//	web.Table -> Build -> Document -> /openapi.json
//	                               -> page.go -> /docs
//
// [Build] turns routes into operations; schema.go turns Go types into schemas
// (JSON Schema 2020-12) as encoding/json would write them: a member without
// omitempty is required, a pointer may be null, an embedded struct is part of
// the object. What a type cannot say stands in struct tags:
//
//	doc:"…"         the description
//	enum:"a,b"      the values allowed
//	format:"uuid"   a format; members that end in _at are date-time by themselves
//	required:"true" in requests and queries, where nothing is required otherwise
//	alias:"name"    another name for a member of a request (see web.Decode)
//	example:"…"     a value for the documentation
package openapi
