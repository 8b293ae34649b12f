-- Webhooks of the system may be declared in a file; the file ends what it made.

ALTER TABLE webhooks ADD COLUMN managed_by {{text}} NOT NULL DEFAULT '';

-- Whoever adds a webhook of the system locks this row, one after the other.
CREATE TABLE webhook_guard (
    id      BIGINT PRIMARY KEY,
    version BIGINT NOT NULL
);
INSERT INTO webhook_guard (id, version) VALUES (1, 0);
