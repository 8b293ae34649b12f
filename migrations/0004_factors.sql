-- Second factors: what a person can prove besides a password, the devices they
-- have signed in with, and the policies that say when a factor is asked for.

CREATE TABLE factors (
    id            {{text}} PRIMARY KEY,
    user_id       {{text}} NOT NULL REFERENCES users (id),
    type          {{text}} NOT NULL,
    name          {{text}} NOT NULL,
    sealed        BYTEA NOT NULL,
    credential_id BYTEA,
    position      BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    verified_at   BIGINT NOT NULL,
    last_used_at  BIGINT NOT NULL
);
CREATE INDEX factors_by_user ON factors (user_id, id);
CREATE UNIQUE INDEX factors_by_credential ON factors (credential_id) WHERE credential_id IS NOT NULL;

CREATE TABLE backup_codes (
    user_id {{text}} NOT NULL REFERENCES users (id),
    hash    BYTEA NOT NULL,
    PRIMARY KEY (user_id, hash)
);

CREATE TABLE devices (
    id            {{text}} NOT NULL UNIQUE,
    user_id       {{text}} NOT NULL REFERENCES users (id),
    hash          BYTEA NOT NULL,
    name          {{text}} NOT NULL,
    user_agent    {{text}} NOT NULL,
    ip_address    {{text}} NOT NULL,
    created_at    BIGINT NOT NULL,
    last_seen_at  BIGINT NOT NULL,
    trusted_until BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    PRIMARY KEY (user_id, hash)
);
CREATE INDEX devices_by_expiry ON devices (expires_at);

CREATE TABLE mfa_policies (
    scope       {{text}} NOT NULL,
    subject     {{text}} NOT NULL,
    requirement {{text}} NOT NULL,
    enforcement {{text}} NOT NULL,
    methods     {{text}} NOT NULL,
    grace_days  BIGINT NOT NULL,
    exceptions  {{text}} NOT NULL,
    relaxes     BIGINT NOT NULL,
    since       BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    updated_by  {{text}} NOT NULL,
    PRIMARY KEY (scope, subject)
);

-- Whom a first factor has proven in a login that waits for a second one.
ALTER TABLE login_transactions ADD COLUMN user_id {{text}} NOT NULL DEFAULT '';
ALTER TABLE login_transactions ADD COLUMN proven_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE login_transactions ADD COLUMN amr {{text}} NOT NULL DEFAULT '';
