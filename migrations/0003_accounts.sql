-- Accounts and organizations as people use them: one-time links, messages that
-- wait to be sent, invitations, domains, answers remembered for a repeated
-- request, figures rolled up from the events, and the words people are found by.

ALTER TABLE users ADD COLUMN deleted_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN erase_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX users_by_erasure ON users (erase_at) WHERE erase_at <> 0;
CREATE INDEX users_by_status ON users (status, id);

ALTER TABLE organizations ADD COLUMN created_by {{text}} NOT NULL DEFAULT '';

ALTER TABLE role_assignments ADD COLUMN assigned_by {{text}} NOT NULL DEFAULT '';
-- The holders of a role come out in the order of the pages.
DROP INDEX role_assignments_by_role;
CREATE INDEX role_assignments_by_role ON role_assignments (organization_id, role, user_id);

CREATE INDEX memberships_by_age ON memberships (organization_id, joined_at, user_id);

-- The words of a person's name and address, folded, by which they are found.
CREATE TABLE user_terms (
    term    {{text}} NOT NULL,
    user_id {{text}} NOT NULL REFERENCES users (id),
    PRIMARY KEY (term, user_id)
);
CREATE INDEX user_terms_by_user ON user_terms (user_id, term);

CREATE TABLE links (
    id         {{text}} PRIMARY KEY,
    purpose    {{text}} NOT NULL,
    user_id    {{text}} NOT NULL REFERENCES users (id),
    hash       BYTEA NOT NULL UNIQUE,
    data       BYTEA,
    attempts   BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL
);
CREATE INDEX links_by_user ON links (user_id, purpose);
CREATE INDEX links_by_expiry ON links (expires_at);

CREATE TABLE messages (
    id         {{text}} PRIMARY KEY,
    channel    {{text}} NOT NULL,
    user_id    {{text}} NOT NULL,
    sealed     BYTEA NOT NULL,
    attempts   BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX messages_by_due ON messages (due_at);
CREATE INDEX messages_by_user ON messages (user_id);
CREATE INDEX messages_by_expiry ON messages (expires_at);

CREATE TABLE invitations (
    id              {{text}} PRIMARY KEY,
    organization_id {{text}} NOT NULL REFERENCES organizations (id),
    email           {{text}} NOT NULL,
    email_canonical {{text}} NOT NULL,
    roles           {{text}} NOT NULL,
    hash            BYTEA NOT NULL UNIQUE,
    invited_by      {{text}} NOT NULL,
    created_at      BIGINT NOT NULL,
    sent_at         BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    accepted_at     BIGINT NOT NULL,
    accepted_by     {{text}} NOT NULL,
    revoked_at      BIGINT NOT NULL
);
CREATE INDEX invitations_by_organization ON invitations (organization_id, id)
    WHERE accepted_at = 0 AND revoked_at = 0;
CREATE INDEX invitations_by_email ON invitations (email_canonical);
CREATE UNIQUE INDEX invitations_open ON invitations (organization_id, email_canonical)
    WHERE accepted_at = 0 AND revoked_at = 0;
CREATE INDEX invitations_by_expiry ON invitations (expires_at) WHERE accepted_at = 0;

CREATE TABLE domains (
    organization_id {{text}} NOT NULL REFERENCES organizations (id),
    domain          {{text}} NOT NULL,
    challenge       {{text}} NOT NULL,
    created_at      BIGINT NOT NULL,
    verified_at     BIGINT NOT NULL,
    PRIMARY KEY (organization_id, domain)
);
CREATE UNIQUE INDEX domains_verified ON domains (domain) WHERE verified_at <> 0;

-- Answers to requests that carried an Idempotency-Key. status 0: at work.
CREATE TABLE idempotent_requests (
    id          {{text}} PRIMARY KEY,
    fingerprint BYTEA NOT NULL,
    status      BIGINT NOT NULL,
    answer      BYTEA,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX idempotent_requests_by_expiry ON idempotent_requests (expires_at);

-- How far each consumer of the events has come.
CREATE TABLE event_cursors (
    name       {{text}} PRIMARY KEY,
    seq        BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Counts of events by day (days since 1970-01-01 UTC): of a user, of an
-- organization, or of the whole system.
CREATE TABLE rollups (
    dimension {{text}} NOT NULL,
    subject   {{text}} NOT NULL,
    day       BIGINT NOT NULL,
    type      {{text}} NOT NULL,
    outcome   {{text}} NOT NULL,
    total     BIGINT NOT NULL,
    PRIMARY KEY (dimension, subject, day, type, outcome)
);
