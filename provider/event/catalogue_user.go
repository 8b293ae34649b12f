package event

func userEntries() []Entry {
	return []Entry{
		{
			Type: UserCreated, Class: ClassAccount, Subject: SubjectUser,
			Data: map[string]Kind{"source": Enum, "status": Enum, "email_verified": Flag, "invitation_id": ID, "terms_accepted": Flag, "roles": List},
			Doc:  "An account was created, with these roles of the system; source says by what (register, admin, apply, invitation, federation, scim, import).",
		},
		{
			Type: UserUpdated, Class: ClassAccount, Subject: SubjectUser,
			Data: map[string]Kind{"fields": List, "source": Enum},
			Doc:  "Somebody else, or a synchronization, changed the account; fields names what.",
		},
		{
			Type: UserProfileUpdated, Class: ClassAccount, Subject: SubjectUser,
			Data: map[string]Kind{"fields": List},
			Doc:  "The person changed their own profile or preferences.",
		},
		{
			Type: UserDeleted, Class: ClassAudit, Subject: SubjectUser,
			Data: map[string]Kind{"reason": Enum, "sessions_ended": Count, "grants_ended": Count},
			Doc:  "The account was deleted; its erasure follows.",
		},
		{
			Type: UserErased, Class: ClassAudit, Subject: SubjectUser,
			Data: map[string]Kind{"reason": Enum},
			Doc:  "The person's key was destroyed, and with it all that was personal in the record.",
		},
		{
			Type: UserExported, Class: ClassAudit, Subject: SubjectUser,
			Data: map[string]Kind{"source": Enum},
			Doc:  "Everything known of the person was handed out, to themself (self), an administrator (admin) or an operator at the command line (operator).",
		},
		{
			Type: UserStatusChanged, Class: ClassAudit, Subject: SubjectUser,
			Data: map[string]Kind{"from": Enum, "to": Enum, "reason": Enum, "sessions_ended": Count, "grants_ended": Count},
			Doc:  "The account was suspended or made active again.",
		},
		{
			Type: UserEmailVerified, Class: ClassAccount, Subject: SubjectUser,
			Data: map[string]Kind{"source": Enum},
			Doc:  "The address was proven.",
		},
		{
			Type: UserEmailChanged, Class: ClassSecurity, Subject: SubjectUser,
			Data: map[string]Kind{"source": Enum},
			Doc:  "Another address became the account's.",
		},
		{
			Type: UserPhoneChanged, Class: ClassSecurity, Subject: SubjectUser,
			Data: map[string]Kind{"source": Enum},
			Doc:  "Another telephone number became the account's.",
		},
		{
			Type: UserLogin, Class: ClassSecurity, Subject: SubjectUser,
			Data: map[string]Kind{"session_id": ID, "client_id": ID, "method": Enum, "acr": Enum, "amr": List, "remember": Flag, "new_device": Flag},
			Doc:  "A person signed in.",
		},
		{
			Type: UserLogout, Class: ClassSecurity, Subject: SubjectUser,
			Data: map[string]Kind{"session_id": ID, "client_id": ID, "reason": Enum, "all_sessions": Flag, "sessions_ended": Count, "grants_ended": Count},
			Doc:  "A person signed out, of one session or of all.",
		},
		{
			Type: UserLoginFailed, Class: ClassSecurity, Subject: SubjectAnyone, Aliases: []string{"auth.login_failed"},
			Data: map[string]Kind{"reason": Enum, "method": Enum, "client_id": ID, "count": Count, "from": Instant, "to": Instant},
			Doc:  "A login was refused. Past the rate limit, count failures from..to are one event. Without a subject the identifier is nobody's, and is not recorded.",
		},
		{
			Type: UserPasswordChanged, Class: ClassSecurity, Subject: SubjectUser,
			Data: map[string]Kind{"source": Enum, "sessions_ended": Count, "grants_ended": Count},
			Doc:  "The password was changed (change), reset by mail (reset) or set by an administrator (admin, apply).",
		},
		{
			Type: UserPasswordResetRequested, Class: ClassSecurity, Subject: SubjectUser,
			Data: map[string]Kind{"source": Enum},
			Doc:  "A reset link was sent.",
		},
		{
			Type: UserActivity, Class: ClassUsage, Subject: SubjectUser,
			Data: map[string]Kind{"action": Enum, "resource": Enum, "resource_id": ID, "client_id": ID, "occurred_at": Instant},
			Doc:  "A service reported what a person did there.",
		},
		{
			Type: SessionCreated, Class: ClassSecurity, Subject: SubjectUser,
			Data: map[string]Kind{"session_id": ID, "parent_id": ID, "client_id": ID, "kind": Enum, "acr": Enum, "amr": List},
			Doc:  "A session began: browser, json or offline.",
		},
		{
			Type: SessionRevoked, Class: ClassSecurity, Subject: SubjectUser,
			Data: map[string]Kind{"session_id": ID, "reason": Enum, "sessions_ended": Count, "grants_ended": Count},
			Doc:  "A session was ended by something other than its own logout.",
		},
		{
			Type: ConsentGranted, Class: ClassAccount, Subject: SubjectUser,
			Data: map[string]Kind{"client_id": ID, "scopes": List, "added": List},
			Doc:  "A person agreed that a client gets these scopes.",
		},
		{
			Type: ConsentWithdrawn, Class: ClassAccount, Subject: SubjectUser,
			Data: map[string]Kind{"client_id": ID, "grants_ended": Count},
			Doc:  "A person took the agreement back.",
		},
		{
			Type: FederationLinked, Class: ClassSecurity, Subject: SubjectUser,
			Data: map[string]Kind{"connection_id": ID, "provider": Enum},
			Doc:  "An outside identity was joined to the account.",
		},
		{
			Type: FederationUnlinked, Class: ClassSecurity, Subject: SubjectUser,
			Data: map[string]Kind{"connection_id": ID, "provider": Enum, "reason": Enum},
			Doc:  "An outside identity was parted from the account.",
		},
	}
}

func mfaEntries() []Entry {
	return []Entry{
		{
			Type: MFAMethodSetup, Class: ClassSecurity, Subject: SubjectUser,
			Data: map[string]Kind{"method_id": ID, "method_type": Enum, "primary": Flag},
			Doc:  "A factor was confirmed and counts from now on.",
		},
		{
			Type: MFAMethodRemoved, Class: ClassSecurity, Subject: SubjectUser,
			Data: map[string]Kind{"method_id": ID, "method_type": Enum, "reason": Enum},
			Doc:  "A factor was removed.",
		},
		{
			Type: MFAVerificationCompleted, Class: ClassSecurity, Subject: SubjectUser,
			Data: map[string]Kind{"method_id": ID, "method_type": Enum, "session_id": ID, "purpose": Enum, "remaining": Count},
			Doc:  "A factor was proven; remaining counts the backup ones left.",
		},
		{
			Type: MFAVerificationFailed, Class: ClassSecurity, Subject: SubjectUser,
			Data: map[string]Kind{"method_id": ID, "method_type": Enum, "purpose": Enum, "reason": Enum, "count": Count},
			Doc:  "A factor was not proven.",
		},
		{
			Type: MFABackupCodesRegenerated, Class: ClassSecurity, Subject: SubjectUser,
			Data: map[string]Kind{"count": Count},
			Doc:  "New backup codes replaced the old ones.",
		},
	}
}
