-- Questions about the record: who did what, and which events of a type there
-- are; and what stays of an event that is no longer kept, so that the chain can
-- still be checked.

CREATE INDEX events_by_type ON events (type, seq) WHERE seq IS NOT NULL;
CREATE INDEX events_by_actor ON events (actor, seq) WHERE seq IS NOT NULL;

CREATE TABLE pruned_events (
    seq   BIGINT PRIMARY KEY,
    hash  BYTEA NOT NULL,
    prune {{text}} NOT NULL
);

CREATE TABLE audit_holds (
    id           {{text}} PRIMARY KEY,
    kind         {{text}} NOT NULL,
    value        {{text}} NOT NULL,
    reason       {{text}} NOT NULL,
    created_by   {{text}} NOT NULL,
    created_at   BIGINT NOT NULL
);

-- Whoever adds a hold and whoever prunes lock this row, one after the other.
CREATE TABLE audit_guard (
    id      BIGINT PRIMARY KEY,
    version BIGINT NOT NULL
);
INSERT INTO audit_guard (id, version) VALUES (1, 0);
