package event

// RecordSubject is the subject of the record's own events.
const RecordSubject = "record"

func auditEntries() []Entry {
	return []Entry{
		{
			Type: AuditCheckpoint, Class: ClassAudit, Subject: SubjectSystem,
			Data: map[string]Kind{"seq": Count, "value": ID, "kid": ID, "checkpoint": JWS},
			Doc:  "The value of the chain at seq was signed, by the minute in which something happened.",
		},
		{
			Type: AuditPruned, Class: ClassAudit, Subject: SubjectSystem,
			Data: map[string]Kind{"class": Enum, "before": Instant, "first": Count, "last": Count, "events": Count, "digest": ID},
			Doc:  "Retention removed events of a class from before that time, all between first and last; digest is that of their places in the chain.",
		},
		{
			Type: AuditHoldAdded, Class: ClassAudit, Subject: SubjectSystem,
			Data: map[string]Kind{"hold_id": ID, "kind": Enum, "value": ID, "reason": ID},
			Doc:  "Events of a subject, of an organization or all are held: retention leaves them.",
		},
		{
			Type: AuditHoldRemoved, Class: ClassAudit, Subject: SubjectSystem,
			Data: map[string]Kind{"hold_id": ID, "kind": Enum, "value": ID, "reason": ID},
			Doc:  "A hold was lifted.",
		},
	}
}
