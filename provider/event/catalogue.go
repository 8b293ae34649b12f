package event

import "slices"

// Class says how long an event is kept and who may ask for it; operators set
// the time per class.
type Class string

// The classes of event.
const (
	// ClassAudit: who changed what may be done, by whom and with which keys.
	ClassAudit Class = "audit"
	// ClassSecurity: logins, sessions, refusals.
	ClassSecurity Class = "security"
	// ClassAccount: what people do with their own account and organization.
	ClassAccount Class = "account"
	// ClassUsage: counted use.
	ClassUsage Class = "usage"
)

// SubjectKind says what an event's Subject is the id of.
type SubjectKind string

// The kinds of subject.
const (
	SubjectUser         SubjectKind = "user"
	SubjectOrganization SubjectKind = "organization"
	SubjectClient       SubjectKind = "client"
	SubjectResource     SubjectKind = "resource"
	SubjectKey          SubjectKind = "key"
	SubjectPolicy       SubjectKind = "policy"
	SubjectSystem       SubjectKind = "system"
	SubjectWebhook      SubjectKind = "webhook"
	// SubjectAnyone is a user or a client, or empty when nobody owns the
	// identifier that was used.
	SubjectAnyone SubjectKind = "anyone"
)

// Kind is the kind of value that a member of Data holds.
type Kind string

// The kinds of value. None of them can hold free text.
const (
	ID      Kind = "id"      // 1 to MaxID visible ASCII characters without '@', or empty
	URI     Kind = "uri"     // at most MaxURI visible ASCII characters
	Enum    Kind = "enum"    // 1 to MaxEnum of [a-z0-9_.:-], or empty
	List    Kind = "list"    // at most MaxListItems, each 1 to MaxListItem characters of a scope token (RFC 6749 §3.3): roles, permissions and field names fit too
	Count   Kind = "count"   // int or int64, not negative
	Instant Kind = "instant" // int64, seconds since 1970 UTC
	Flag    Kind = "flag"    // bool
	JWS     Kind = "jws"     // a compact JWS (RFC 7515 §7.1) of at most MaxURI characters, public by its nature: no token
)

// Entry declares an event type.
type Entry struct {
	Type    Type
	Class   Class
	Subject SubjectKind
	// Topic is the name consumers subscribe to, without the operator's prefix.
	Topic string
	// Aliases are names that older consumers know the type by.
	Aliases []string
	// Data declares the members that may be in Event.Data.
	Data map[string]Kind
	// Doc says when it is written.
	Doc string
}

// PersonalNames are the members that Event.Personal may hold.
func PersonalNames() []string {
	return []string{
		"address", "device_name", "email", "ip_address", "metadata", "name",
		"phone_number", "previous_email", "previous_phone_number",
		"user_agent", "username",
	}
}

// Catalogue lists every event type by name. The caller owns the result.
func Catalogue() []Entry {
	all := slices.Concat(userEntries(), tokenEntries(), organizationEntries(), mfaEntries(), registryEntries(), webhookEntries(), systemEntries(), auditEntries())
	for i := range all {
		all[i].Topic = string(all[i].Type)
	}
	slices.SortFunc(all, func(a, b Entry) int { return compare(a.Type, b.Type) })
	return all
}

func compare(a, b Type) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
