package activity

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

// The dimensions of the counts.
const (
	DimensionUser         = "user"
	DimensionOrganization = "organization"
	// DimensionMember counts a person within one organization: its subject is
	// MemberSubject.
	DimensionMember = "member"
	DimensionSystem = "system"
)

// MemberSubject is the subject of DimensionMember.
func MemberSubject(organizationID, userID string) string { return organizationID + "/" + userID }

// The outcomes.
const (
	Success = "success"
	Failure = "failure"
)

// AllTime is the day of the rows that count every day together: nothing
// happened here in 1970.
const AllTime = 0

// reported separates what a service reports from what Signet itself saw: a
// service that reports "user.login" does not change how often people signed in.
const reported = string(event.UserActivity) + "/"

// personal are the types that are a person's activity; their subject is the
// person.
func personal() []event.Type {
	return []event.Type{
		event.UserCreated, event.UserUpdated, event.UserProfileUpdated, event.UserStatusChanged,
		event.UserEmailVerified, event.UserEmailChanged, event.UserPhoneChanged,
		event.UserLogin, event.UserLogout, event.UserLoginFailed,
		event.UserPasswordChanged, event.UserPasswordResetRequested, event.UserActivity,
		event.SessionRevoked, event.ConsentGranted, event.ConsentWithdrawn,
		event.FederationLinked, event.FederationUnlinked,
		event.AuthAccountLocked, event.AuthAccountUnlocked, event.TokenReuseDetected,
		event.MFAMethodSetup, event.MFAMethodRemoved, event.MFAVerificationCompleted, event.MFAVerificationFailed,
		event.MFABackupCodesRegenerated,
	}
}

// organizational are the types that are an organization's activity besides
// those of its people; their subject is the organization.
func organizational() []event.Type {
	return []event.Type{
		event.OrganizationCreated, event.OrganizationUpdated, event.OrganizationSettingsUpdated, event.OrganizationStatusChanged,
		event.OrganizationUserAdded, event.OrganizationUserRemoved, event.OrganizationRoleChanged,
		event.OrganizationInvitationCreated, event.OrganizationInvitationAccepted, event.OrganizationInvitationRevoked,
		event.PolicyChanged, event.SCIMSynced,
	}
}

func names(types []event.Type) []string {
	out := make([]string, len(types))
	for i, t := range types {
		out[i] = string(t)
	}
	return out
}

// outcome says whether an event of the type tells of success.
func outcome(kind string) string {
	switch event.Type(kind) {
	case event.UserLoginFailed, event.MFAVerificationFailed, event.TokenReuseDetected, event.AuthAccountLocked:
		return Failure
	}
	return Success
}

// Counted lists the counts that an event adds one to; none for what is not
// activity. Every count is there twice: for its day and for all time.
func Counted(e storage.Event) []storage.Rollup {
	ofPerson := slices.Contains(personal(), event.Type(e.Type))
	if !ofPerson && !slices.Contains(organizational(), event.Type(e.Type)) {
		return nil
	}
	kind, at := e.Type, e.Time
	if e.Type == string(event.UserActivity) {
		d := decode(e.Data)
		kind = reported + d.text("action")
		if occurred := d.instant("occurred_at"); !occurred.IsZero() {
			at = occurred
		}
	}
	var out []storage.Rollup
	add := func(dimension, subject string) {
		for _, day := range []int64{AllTime, Day(at)} {
			out = append(out, storage.Rollup{
				Dimension: dimension, Subject: subject, Day: day, Type: kind, Outcome: outcome(e.Type), Total: 1,
			})
		}
	}
	add(DimensionSystem, "")
	if e.Organization != "" {
		add(DimensionOrganization, e.Organization)
	}
	if ofPerson && e.Subject != "" {
		add(DimensionUser, e.Subject)
		if e.Organization != "" {
			add(DimensionMember, MemberSubject(e.Organization, e.Subject))
		}
	}
	return out
}

// Day is the number of days since 1970-01-01 UTC.
func Day(t time.Time) int64 { return t.UTC().Unix() / 86400 }

// Date is the first moment of a day.
func Date(day int64) time.Time { return time.Unix(day*86400, 0).UTC() }

// data is an event's data, decoded.
type data map[string]any

func decode(raw []byte) data {
	var d data
	if json.Unmarshal(raw, &d) != nil || d == nil {
		return data{}
	}
	return d
}

func (d data) text(name string) string {
	s, _ := d[name].(string)
	return s
}

func (d data) instant(name string) time.Time {
	n, ok := d[name].(float64)
	if !ok || n <= 0 {
		return time.Time{}
	}
	return time.Unix(int64(n), 0).UTC()
}

// family is the first part of a type: user, session, mfa.
func family(kind string) string {
	first, _, _ := strings.Cut(kind, ".")
	return first
}
