// Package config is Signet's configuration: one struct (Config) whose tags say
// everything about a setting, and Load, which fills it from flags over
// environment over file over defaults and checks it.
//
// The reference page, the JSON schema and the redacted print are made from the
// same struct, so they cannot differ from what Load does.
package config

//go:generate go test . -run TestReferencePage -update
