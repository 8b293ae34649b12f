package shape

// KeySet is a JSON Web Key Set (RFC 7517 §5).
type KeySet struct {
	Keys []map[string]any `json:"keys" doc:"Public keys that sign now or will soon."`
}
