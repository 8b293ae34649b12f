-- The first schema. One text for PostgreSQL and SQLite: BIGINT microseconds for
-- times (0: not set), BYTEA for bytes (SQLite keeps them as BLOB), 0/1 for
-- booleans, JSON as TEXT. The only word that differs between the engines is
-- {{serial}}, which the store replaces before it runs this.

CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE organizations (
    id         TEXT PRIMARY KEY,
    slug       TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    profile    TEXT NOT NULL,
    status     TEXT NOT NULL,
    managed_by TEXT NOT NULL,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE users (
    id                   TEXT PRIMARY KEY,
    email                TEXT NOT NULL,
    email_canonical      TEXT NOT NULL UNIQUE,
    email_verified       BIGINT NOT NULL,
    password_hash        TEXT NOT NULL,
    password_changed_at  BIGINT NOT NULL,
    status               TEXT NOT NULL,
    profile              TEXT NOT NULL,
    last_organization_id TEXT NOT NULL,
    last_login_at        BIGINT NOT NULL,
    managed_by           TEXT NOT NULL,
    version              BIGINT NOT NULL,
    created_at           BIGINT NOT NULL,
    updated_at           BIGINT NOT NULL
);

CREATE TABLE memberships (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    user_id         TEXT NOT NULL REFERENCES users (id),
    joined_at       BIGINT NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX memberships_by_user ON memberships (user_id, organization_id);

-- Roles held by people: organization_id is '' for system roles.
CREATE TABLE role_assignments (
    user_id         TEXT NOT NULL REFERENCES users (id),
    organization_id TEXT NOT NULL,
    role            TEXT NOT NULL,
    assigned_at     BIGINT NOT NULL,
    PRIMARY KEY (user_id, organization_id, role)
);
CREATE INDEX role_assignments_by_role ON role_assignments (organization_id, role);

CREATE TABLE roles (
    scope           TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    name            TEXT NOT NULL,
    description     TEXT NOT NULL,
    permissions     TEXT NOT NULL,
    builtin         BIGINT NOT NULL,
    managed_by      TEXT NOT NULL,
    version         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (organization_id, scope, name)
);

CREATE TABLE clients (
    client_id       TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    metadata        TEXT NOT NULL,
    disabled        BIGINT NOT NULL,
    managed_by      TEXT NOT NULL,
    version         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE INDEX clients_by_organization ON clients (organization_id);

CREATE TABLE client_secrets (
    client_id  TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    id         TEXT NOT NULL,
    hash       BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (client_id, id)
);

CREATE TABLE resources (
    identifier      TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    name            TEXT NOT NULL,
    scopes          TEXT NOT NULL,
    signing_alg     TEXT NOT NULL,
    token_lifetime  BIGINT NOT NULL,
    introspectors   TEXT NOT NULL,
    managed_by      TEXT NOT NULL,
    version         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);

CREATE TABLE sessions (
    id             TEXT PRIMARY KEY,
    user_id        TEXT NOT NULL REFERENCES users (id),
    kind           TEXT NOT NULL,
    cookie_hash    BYTEA,
    parent_id      TEXT NOT NULL,
    auth_time      BIGINT NOT NULL,
    acr            TEXT NOT NULL,
    amr            TEXT NOT NULL,
    client_id      TEXT NOT NULL,
    device_name    TEXT NOT NULL,
    user_agent     TEXT NOT NULL,
    ip_address     TEXT NOT NULL,
    remember       BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    last_active_at BIGINT NOT NULL,
    idle_expires_at BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    ended_at       BIGINT NOT NULL,
    end_reason     TEXT NOT NULL
);
CREATE UNIQUE INDEX sessions_by_cookie ON sessions (cookie_hash) WHERE cookie_hash IS NOT NULL;
CREATE INDEX sessions_by_user ON sessions (user_id, created_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE grants (
    id                 TEXT PRIMARY KEY,
    client_id          TEXT NOT NULL,
    user_id            TEXT NOT NULL REFERENCES users (id),
    session_id         TEXT NOT NULL,
    organization_id    TEXT NOT NULL,
    scope              TEXT NOT NULL,
    audience           TEXT NOT NULL,
    claims             TEXT NOT NULL,
    nonce              TEXT NOT NULL,
    auth_time          BIGINT NOT NULL,
    acr                TEXT NOT NULL,
    amr                TEXT NOT NULL,
    offline            BIGINT NOT NULL,
    redirect_uri       TEXT NOT NULL,
    code_hash          BYTEA,
    code_challenge     TEXT NOT NULL,
    code_expires_at    BIGINT NOT NULL,
    code_used_at       BIGINT NOT NULL,
    generation         BIGINT NOT NULL,
    stepped_at         BIGINT NOT NULL,
    refresh_expires_at BIGINT NOT NULL,
    revoked_at         BIGINT NOT NULL,
    revoke_reason      TEXT NOT NULL,
    created_at         BIGINT NOT NULL,
    expires_at         BIGINT NOT NULL
);
CREATE UNIQUE INDEX grants_by_code ON grants (code_hash) WHERE code_hash IS NOT NULL;
CREATE INDEX grants_by_session ON grants (session_id);
CREATE INDEX grants_by_user ON grants (user_id, client_id);
CREATE INDEX grants_by_client ON grants (client_id);
CREATE INDEX grants_by_expiry ON grants (expires_at);

CREATE TABLE login_transactions (
    id               TEXT PRIMARY KEY,
    browser_hash     BYTEA NOT NULL,
    request          BYTEA,
    session_id       TEXT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    consented        BIGINT NOT NULL,
    consented_scope  TEXT NOT NULL,
    consumed_at      BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL
);
CREATE INDEX login_transactions_by_expiry ON login_transactions (expires_at);

CREATE TABLE consents (
    user_id    TEXT NOT NULL REFERENCES users (id),
    client_id  TEXT NOT NULL,
    scope      TEXT NOT NULL,
    audience   TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, client_id)
);

CREATE TABLE used_once (
    kind       TEXT NOT NULL,
    value      TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (kind, value)
);
CREATE INDEX used_once_by_expiry ON used_once (expires_at);

CREATE TABLE revocations (
    seq        BIGINT PRIMARY KEY,
    kind       TEXT NOT NULL,
    value      TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX revocations_by_expiry ON revocations (expires_at);

CREATE TABLE events (
    number       {{serial}},
    seq          BIGINT UNIQUE,
    id           TEXT NOT NULL UNIQUE,
    type         TEXT NOT NULL,
    time         BIGINT NOT NULL,
    actor        TEXT NOT NULL,
    actor_kind   TEXT NOT NULL,
    subject      TEXT NOT NULL,
    organization TEXT NOT NULL,
    request      TEXT NOT NULL,
    data         TEXT NOT NULL,
    personal     BYTEA,
    personal_of  TEXT NOT NULL,
    hash         BYTEA
);
CREATE INDEX events_unsequenced ON events (number) WHERE seq IS NULL;
CREATE INDEX events_by_subject ON events (subject, seq);
CREATE INDEX events_by_organization ON events (organization, seq);

CREATE TABLE person_keys (
    user_id    TEXT PRIMARY KEY,
    sealed     BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE leases (
    name       TEXT PRIMARY KEY,
    holder     TEXT NOT NULL,
    token      BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- Logout tokens that clients have yet to receive.
CREATE TABLE logout_deliveries (
    id         TEXT PRIMARY KEY,
    client_id  TEXT NOT NULL,
    session_id TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    attempts   BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX logout_deliveries_by_due ON logout_deliveries (due_at);
