package event

func webhookEntries() []Entry {
	return []Entry{
		{
			Type: WebhookCreated, Class: ClassAudit, Subject: SubjectWebhook,
			Data: map[string]Kind{"events": List},
			Doc:  "A webhook was made: somebody else is told of events from now on.",
		},
		{
			Type: WebhookUpdated, Class: ClassAudit, Subject: SubjectWebhook,
			Data: map[string]Kind{"fields": List},
			Doc:  "A webhook changed; with the field status it was enabled again.",
		},
		{
			Type: WebhookSecretRotated, Class: ClassAudit, Subject: SubjectWebhook,
			Data: map[string]Kind{"old_until": Instant},
			Doc:  "A webhook got a new secret; the old one signs too until then.",
		},
		{
			Type: WebhookDisabled, Class: ClassAudit, Subject: SubjectWebhook,
			Data: map[string]Kind{"reason": Enum, "failing_since": Instant, "pending": Count},
			Doc:  "A webhook is told nothing any more: operator (somebody disabled it), gone (it answered 410), failing (no delivery succeeded for days), backlog (too much waits for it).",
		},
		{
			Type: WebhookReplayed, Class: ClassAudit, Subject: SubjectWebhook,
			Data: map[string]Kind{"from": Count, "to": Count, "deliveries": Count},
			Doc:  "Events of the past, from seq to seq, were put in a webhook's queue again.",
		},
		{
			Type: WebhookDeleted, Class: ClassAudit, Subject: SubjectWebhook,
			Data: map[string]Kind{"reason": Enum},
			Doc:  "A webhook was removed with what waited for it.",
		},
	}
}
