package event

func tokenEntries() []Entry {
	return []Entry{
		{
			Type: GrantCreated, Class: ClassUsage, Subject: SubjectUser,
			Data: map[string]Kind{"grant_id": ID, "session_id": ID, "client_id": ID, "scopes": List},
			Doc:  "A person's login, fresh or standing, gave a client a code or, through the JSON API, tokens.",
		},
		{
			Type: TokenRevoked, Class: ClassSecurity, Subject: SubjectAnyone,
			Data: map[string]Kind{"kind": Enum, "grant_id": ID, "jti": ID, "session_id": ID, "client_id": ID, "reason": Enum},
			Doc:  "An access token (kind jti) or a grant with all its tokens (kind grant) ended early.",
		},
		{
			Type: TokenReuseDetected, Class: ClassSecurity, Subject: SubjectUser,
			Data: map[string]Kind{"grant_id": ID, "session_id": ID, "client_id": ID, "presented": Count, "generation": Count},
			Doc:  "A refresh token older than its grace allows was presented; the grant ended. presented and generation count steps of the family.",
		},
		{
			Type: TokenIssuedCounted, Class: ClassUsage, Subject: SubjectClient,
			Data: map[string]Kind{"grant_type": Enum, "issued": Count, "refused": Count, "from": Instant, "to": Instant},
			Doc:  "How many tokens a client was issued and refused by a grant (client_credentials, refresh_token, authorization_code, json_login), counted over from..to.",
		},
		{
			Type: AuthSuspiciousActivity, Class: ClassSecurity, Subject: SubjectAnyone,
			Data: map[string]Kind{"reason": Enum, "grant_id": ID, "session_id": ID, "client_id": ID, "method": Enum, "count": Count, "from": Instant, "to": Instant, "grants_ended": Count, "severity": Enum, "distance_km": Count},
			Doc:  "Something that no honest party does, or a person seldom: code_replayed, verifier_mismatch, assertion_replayed, browser_mismatch; of a login new_device, new_country, impossible_travel, many_failures, with their severity low, medium or high.",
		},
		{
			Type: AuthAccountLocked, Class: ClassSecurity, Subject: SubjectUser,
			Data: map[string]Kind{"reason": Enum, "until": Instant, "failures": Count},
			Doc:  "Too many failures: the account takes no password until then.",
		},
		{
			Type: AuthAccountUnlocked, Class: ClassSecurity, Subject: SubjectUser,
			Data: map[string]Kind{"reason": Enum},
			Doc:  "A lock was lifted before its time.",
		},
	}
}

func registryEntries() []Entry {
	return []Entry{
		{
			Type: ClientCreated, Class: ClassAudit, Subject: SubjectClient,
			Data: map[string]Kind{"source": Enum, "first_party": Flag, "scopes": List},
			Doc:  "A client was registered.",
		},
		{
			Type: ClientUpdated, Class: ClassAudit, Subject: SubjectClient,
			Data: map[string]Kind{"fields": List, "source": Enum},
			Doc:  "A client's metadata changed.",
		},
		{
			Type: ClientStatusChanged, Class: ClassAudit, Subject: SubjectClient,
			Data: map[string]Kind{"from": Enum, "to": Enum, "reason": Enum, "grants_ended": Count},
			Doc:  "A client was disabled or enabled.",
		},
		{
			Type: ClientSecretChanged, Class: ClassAudit, Subject: SubjectClient,
			Data: map[string]Kind{"change": Enum, "credential_id": ID, "expires_at": Instant},
			Doc:  "A client's authentication was added to, replaced or removed.",
		},
		{
			Type: ClientDeleted, Class: ClassAudit, Subject: SubjectClient,
			Data: map[string]Kind{"reason": Enum, "grants_ended": Count},
			Doc:  "A client was removed.",
		},
		{
			Type: ResourceCreated, Class: ClassAudit, Subject: SubjectResource,
			Data: map[string]Kind{"source": Enum, "scopes": List},
			Doc:  "An API that verifies tokens was registered.",
		},
		{
			Type: ResourceUpdated, Class: ClassAudit, Subject: SubjectResource,
			Data: map[string]Kind{"fields": List, "source": Enum},
			Doc:  "A resource changed.",
		},
		{
			Type: ResourceDeleted, Class: ClassAudit, Subject: SubjectResource,
			Data: map[string]Kind{"reason": Enum},
			Doc:  "A resource was removed.",
		},
	}
}

func systemEntries() []Entry {
	return []Entry{
		{
			Type: KeyCreated, Class: ClassAudit, Subject: SubjectKey,
			Data: map[string]Kind{"alg": ID, "use": Enum, "activates_at": Instant},
			Doc:  "A signing key was made and published, and does not sign yet.",
		},
		{
			Type: KeyRotated, Class: ClassAudit, Subject: SubjectKey,
			Data: map[string]Kind{"alg": ID, "use": Enum, "reason": Enum, "previous": ID, "activates_at": Instant},
			Doc:  "The subject takes over from the previous key. With use data it is a data key, purpose/generation.",
		},
		{
			Type: KeyRewrapped, Class: ClassAudit, Subject: SubjectKey,
			Data: map[string]Kind{"signing_keys": Count, "data_keys": Count},
			Doc:  "So many keys that were sealed under an older master key are sealed under the subject.",
		},
		{
			Type: KeyRevoked, Class: ClassAudit, Subject: SubjectKey,
			Data: map[string]Kind{"alg": ID, "use": Enum, "reason": Enum},
			Doc:  "A key ended at once, and every token it signed.",
		},
		{
			Type: SystemConfigurationApplied, Class: ClassAudit, Subject: SubjectSystem,
			Data: map[string]Kind{"created": Count, "updated": Count, "unchanged": Count, "source": Enum},
			Doc:  "A configuration file was applied.",
		},
		{
			Type: SystemFeedReset, Class: ClassAudit, Subject: SubjectSystem,
			Data: map[string]Kind{"feed_id": ID, "reason": Enum, "grants_ended": Count},
			Doc:  "The revocation feed began anew, after the database was restored.",
		},
	}
}
