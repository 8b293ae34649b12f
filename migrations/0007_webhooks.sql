-- Webhooks, and for each what it was or is to be sent.

CREATE TABLE webhooks (
    id              {{text}} PRIMARY KEY,
    organization_id {{text}} NOT NULL,
    url             {{text}} NOT NULL,
    events          {{text}} NOT NULL,
    description     {{text}} NOT NULL,
    status          {{text}} NOT NULL,
    reason          {{text}} NOT NULL,
    secret          BYTEA NOT NULL,
    old_secret      BYTEA,
    old_until       BIGINT NOT NULL,
    start_seq       BIGINT NOT NULL,
    failing_since   BIGINT NOT NULL,
    paused_until    BIGINT NOT NULL,
    version         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE INDEX webhooks_by_organization ON webhooks (organization_id, id);

CREATE TABLE webhook_deliveries (
    webhook_id {{text}} NOT NULL,
    seq        BIGINT NOT NULL,
    event_id   {{text}} NOT NULL,
    type       {{text}} NOT NULL,
    state      {{text}} NOT NULL,
    attempts   BIGINT NOT NULL,
    status     BIGINT NOT NULL,
    error      {{text}} NOT NULL,
    begun_at   BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,
    settled_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (webhook_id, seq)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, due_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (webhook_id, state, seq);
CREATE INDEX webhook_deliveries_by_expiry ON webhook_deliveries (expires_at);
