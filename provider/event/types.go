package event

// The event types. Their members are declared in the catalogue.
const (
	UserCreated                Type = "user.created"
	UserUpdated                Type = "user.updated"
	UserProfileUpdated         Type = "user.profile_updated"
	UserDeleted                Type = "user.deleted"
	UserErased                 Type = "user.erased"
	UserExported               Type = "user.exported"
	UserStatusChanged          Type = "user.status_changed"
	UserEmailVerified          Type = "user.email_verified"
	UserEmailChanged           Type = "user.email_changed"
	UserPhoneChanged           Type = "user.phone_changed"
	UserLogin                  Type = "user.login"
	UserLogout                 Type = "user.logout"
	UserLoginFailed            Type = "user.login_failed"
	UserPasswordChanged        Type = "user.password_changed"
	UserPasswordResetRequested Type = "user.password_reset_requested"
	UserActivity               Type = "user.activity"

	SessionCreated Type = "session.created"
	SessionRevoked Type = "session.revoked"

	// GrantCreated: a client was given a code, and with it a grant.
	GrantCreated       Type = "grant.created"
	TokenRevoked       Type = "token.revoked"
	TokenReuseDetected Type = "token.reuse_detected"
	TokenIssuedCounted Type = "token.issued_counted"

	// AuthSuspiciousActivity covers a replayed code, a mismatched verifier, a
	// stolen login transaction and their like, and what is unusual about a login
	// (package risk); its reason says which.
	AuthSuspiciousActivity Type = "auth.suspicious_activity"
	AuthAccountLocked      Type = "auth.account_locked"
	AuthAccountUnlocked    Type = "auth.account_unlocked"
	// AuthPermissionChanged: what someone may do changed: system roles, roles
	// in an organization, or the definition of a role.
	AuthPermissionChanged Type = "auth.permission_changed"

	ConsentGranted   Type = "consent.granted"
	ConsentWithdrawn Type = "consent.withdrawn"

	OrganizationCreated            Type = "organization.created"
	OrganizationUpdated            Type = "organization.updated"
	OrganizationSettingsUpdated    Type = "organization.settings_updated"
	OrganizationStatusChanged      Type = "organization.status_changed"
	OrganizationDeleted            Type = "organization.deleted"
	OrganizationUserAdded          Type = "organization.user_added"
	OrganizationUserRemoved        Type = "organization.user_removed"
	OrganizationRoleChanged        Type = "organization.role_changed"
	OrganizationInvitationCreated  Type = "organization.invitation_created"
	OrganizationInvitationAccepted Type = "organization.invitation_accepted"
	OrganizationInvitationRevoked  Type = "organization.invitation_revoked"
	OrganizationDomainAdded        Type = "organization.domain_added"
	OrganizationDomainVerified     Type = "organization.domain_verified"
	OrganizationDomainRemoved      Type = "organization.domain_removed"

	MFAMethodSetup            Type = "mfa.method_setup"
	MFAMethodRemoved          Type = "mfa.method_removed"
	MFAVerificationCompleted  Type = "mfa.verification_completed"
	MFAVerificationFailed     Type = "mfa.verification_failed"
	MFABackupCodesRegenerated Type = "mfa.backup_codes_regenerated"

	ClientCreated       Type = "client.created"
	ClientUpdated       Type = "client.updated"
	ClientStatusChanged Type = "client.status_changed"
	ClientSecretChanged Type = "client.secret_changed"
	ClientDeleted       Type = "client.deleted"

	ResourceCreated Type = "resource.created"
	ResourceUpdated Type = "resource.updated"
	ResourceDeleted Type = "resource.deleted"

	KeyCreated   Type = "key.created"
	KeyRotated   Type = "key.rotated"
	KeyRevoked   Type = "key.revoked"
	KeyRewrapped Type = "key.rewrapped"

	PolicyChanged Type = "policy.changed"

	WebhookCreated       Type = "webhook.created"
	WebhookUpdated       Type = "webhook.updated"
	WebhookSecretRotated Type = "webhook.secret_rotated"
	WebhookDisabled      Type = "webhook.disabled"
	WebhookReplayed      Type = "webhook.replayed"
	WebhookDeleted       Type = "webhook.deleted"

	FederationLinked   Type = "federation.linked"
	FederationUnlinked Type = "federation.unlinked"
	SCIMSynced         Type = "scim.synced"

	SystemConfigurationApplied Type = "system.configuration_applied"
	SystemFeedReset            Type = "system.feed_reset"

	// The record's own events; package audit records them.
	AuditCheckpoint  Type = "audit.checkpoint"
	AuditPruned      Type = "audit.pruned"
	AuditHoldAdded   Type = "audit.hold_added"
	AuditHoldRemoved Type = "audit.hold_removed"
)
