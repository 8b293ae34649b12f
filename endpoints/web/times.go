package web

import (
	"strings"
	"time"
)

// Timestamp writes t as the JSON API does: RFC 3339, UTC, exactly six fraction
// digits and Z.
func Timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// Times writes the times of the legacy API. The zero value is the contract;
// Offset is the switch legacy.time_format=offset, for Python before 3.11, which
// cannot parse Z.
type Times struct{ Offset bool }

// Format returns t as text; empty for the zero time.
func (s Times) Format(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	text := Timestamp(t)
	if s.Offset {
		text = strings.TrimSuffix(text, "Z") + "+00:00"
	}
	return text
}

// Ptr returns t as text, nil for the zero time: null in JSON.
func (s Times) Ptr(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := s.Format(t)
	return &text
}

func splitPath(field string) []string {
	if field == "" {
		return nil
	}
	return strings.Split(field, ".")
}
