package event

func organizationEntries() []Entry {
	return []Entry{
		{
			Type: OrganizationCreated, Class: ClassAudit, Subject: SubjectOrganization,
			Data: map[string]Kind{"source": Enum, "owner_id": ID, "organization_type": Enum},
			Doc:  "A tenant was created.",
		},
		{
			Type: OrganizationUpdated, Class: ClassAccount, Subject: SubjectOrganization,
			Data: map[string]Kind{"fields": List, "source": Enum},
			Doc:  "What describes the tenant changed.",
		},
		{
			Type: OrganizationSettingsUpdated, Class: ClassAudit, Subject: SubjectOrganization,
			Data: map[string]Kind{"fields": List, "source": Enum},
			Doc:  "The tenant's settings changed.",
		},
		{
			Type: OrganizationStatusChanged, Class: ClassAudit, Subject: SubjectOrganization,
			Data: map[string]Kind{"from": Enum, "to": Enum, "reason": Enum, "invitations": Count},
			Doc:  "The tenant was suspended or made active again; invitations counts those that ended with it.",
		},
		{
			Type: OrganizationDeleted, Class: ClassAudit, Subject: SubjectOrganization,
			Data: map[string]Kind{"reason": Enum, "members": Count, "invitations": Count},
			Doc:  "The tenant was deleted.",
		},
		{
			Type: OrganizationUserAdded, Class: ClassAudit, Subject: SubjectOrganization,
			Data: map[string]Kind{"user_id": ID, "roles": List, "source": Enum, "invitation_id": ID},
			Doc:  "A person became a member.",
		},
		{
			Type: OrganizationUserRemoved, Class: ClassAudit, Subject: SubjectOrganization,
			Data: map[string]Kind{"user_id": ID, "reason": Enum},
			Doc:  "A person is no member any more.",
		},
		{
			Type: OrganizationRoleChanged, Class: ClassAudit, Subject: SubjectOrganization,
			Data: map[string]Kind{"user_id": ID, "roles": List, "roles_added": List, "roles_removed": List, "source": Enum},
			Doc:  "A member's roles changed.",
		},
		{
			Type: OrganizationInvitationCreated, Class: ClassAccount, Subject: SubjectOrganization,
			Data: map[string]Kind{"invitation_id": ID, "role": Enum, "expires_at": Instant, "resent": Flag},
			Doc:  "Somebody was invited.",
		},
		{
			Type: OrganizationInvitationAccepted, Class: ClassAccount, Subject: SubjectOrganization,
			Data: map[string]Kind{"invitation_id": ID, "user_id": ID, "role": Enum},
			Doc:  "An invitation was accepted.",
		},
		{
			Type: OrganizationInvitationRevoked, Class: ClassAccount, Subject: SubjectOrganization,
			Data: map[string]Kind{"invitation_id": ID, "reason": Enum},
			Doc:  "An invitation was taken back.",
		},
		{
			Type: OrganizationDomainAdded, Class: ClassAccount, Subject: SubjectOrganization,
			Data: map[string]Kind{"domain": ID},
			Doc:  "The tenant says that a DNS domain is its own; nothing is proven yet.",
		},
		{
			Type: OrganizationDomainVerified, Class: ClassAudit, Subject: SubjectOrganization,
			Data: map[string]Kind{"domain": ID},
			Doc:  "The tenant has proven that a DNS domain is its own.",
		},
		{
			Type: OrganizationDomainRemoved, Class: ClassAudit, Subject: SubjectOrganization,
			Data: map[string]Kind{"domain": ID, "verified": Flag},
			Doc:  "The tenant gave up a DNS domain; verified says whether it had proven it.",
		},
		{
			Type: AuthPermissionChanged, Class: ClassAudit, Subject: SubjectAnyone,
			Data: map[string]Kind{
				"change": Enum, "scope": Enum, "role": Enum, "user_id": ID, "client_id": ID,
				"roles": List, "roles_added": List, "roles_removed": List,
				"permissions_added": List, "permissions_removed": List, "source": Enum,
			},
			Doc: "What somebody may do changed: roles_changed (the subject holds other roles), role_defined, role_updated, role_deleted (the subject is the organization, or empty for system roles).",
		},
		{
			Type: PolicyChanged, Class: ClassAudit, Subject: SubjectPolicy,
			Data: map[string]Kind{"policy": Enum, "change": Enum, "fields": List, "version": Count, "user_id": ID},
			Doc:  "A policy (MFA, access, gate) changed.",
		},
		{
			Type: SCIMSynced, Class: ClassAccount, Subject: SubjectOrganization,
			Data: map[string]Kind{"connection_id": ID, "created": Count, "updated": Count, "removed": Count, "failed": Count},
			Doc:  "A directory wrote accounts and memberships.",
		},
	}
}
