-- Events that a consumer of the record could not deliver, and those of the same
-- subject that wait behind one.

CREATE TABLE parked_events (
    consumer  {{text}} NOT NULL,
    seq       BIGINT NOT NULL,
    id        {{text}} NOT NULL,
    type      {{text}} NOT NULL,
    subject   {{text}} NOT NULL,
    reason    {{text}} NOT NULL,
    attempts  BIGINT NOT NULL,
    parked_at BIGINT NOT NULL,
    due_at    BIGINT NOT NULL,
    PRIMARY KEY (consumer, seq)
);
CREATE INDEX parked_events_by_subject ON parked_events (consumer, subject, seq);
CREATE INDEX parked_events_by_due ON parked_events (consumer, due_at);
