package web

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
)

// WriteJSONTagged is WriteJSON with a strong ETag over the body. A GET or HEAD
// whose If-None-Match names it is answered 304 without a body (RFC 9110
// §13.1.2). Unless the handler set another Cache-Control before, caches of the
// caller alone may keep the answer and must ask each time.
func WriteJSONTagged(w http.ResponseWriter, r *http.Request, status int, v any) error {
	body, err := encode(v)
	if err != nil {
		return err
	}
	h, tag := w.Header(), etagOf(body)
	h.Set("ETag", tag)
	if cache := h.Get("Cache-Control"); cache == "" || cache == "no-store" {
		h.Set("Cache-Control", "private, no-cache")
	}
	h.Add("Vary", "Authorization")
	if status == http.StatusOK && safe(r.Method) && noneMatch(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return WriteBody(w, status, "application/json", body)
}

// etagOf is the entity tag of a body, with its quotes.
func etagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// NoneMatch reports whether the request's If-None-Match names etag.
func NoneMatch(r *http.Request, etag string) bool {
	return noneMatch(r.Header.Values("If-None-Match"), strings.TrimPrefix(etag, "W/"))
}

// noneMatch reports whether If-None-Match names etag; it compares weakly (RFC
// 9110 §13.1.2).
func noneMatch(lines []string, etag string) bool {
	for _, line := range lines {
		for tag := range strings.SplitSeq(line, ",") {
			tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
			if tag == etag || tag == "*" {
				return true
			}
		}
	}
	return false
}
