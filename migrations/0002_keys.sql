-- Key rings and data keys (package keys). A ring's version guards every change
-- to its keys. Sealed values name the master key they are sealed under.

CREATE TABLE key_rings (
    name    {{text}} PRIMARY KEY,
    version BIGINT NOT NULL
);
CREATE TABLE signing_keys (
    ring           {{text}} NOT NULL REFERENCES key_rings (name),
    kid            {{text}} NOT NULL,
    key_use        {{text}} NOT NULL,
    algorithm      {{text}} NOT NULL,
    public_jwk     BYTEA NOT NULL,
    private_sealed BYTEA NOT NULL,
    created_at     BIGINT NOT NULL,
    publish_at     BIGINT NOT NULL,
    activate_at    BIGINT NOT NULL,
    retire_at      BIGINT NOT NULL,
    drop_at        BIGINT NOT NULL,
    revoked_at     BIGINT NOT NULL,
    PRIMARY KEY (ring, kid)
);
CREATE TABLE data_keys (
    purpose     {{text}} NOT NULL,
    generation  BIGINT NOT NULL,
    sealed      BYTEA NOT NULL,
    created_at  BIGINT NOT NULL,
    activate_at BIGINT NOT NULL,
    retired_at  BIGINT NOT NULL,
    PRIMARY KEY (purpose, generation)
);
