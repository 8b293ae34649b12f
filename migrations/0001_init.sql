-- The first schema. One text for PostgreSQL and SQLite: BIGINT microseconds for
-- times (0: not set), BYTEA for bytes (SQLite keeps them as BLOB), 0/1 for
-- booleans, JSON as text. Two words differ between the engines and are replaced
-- before this runs: {{serial}} numbers rows by itself, {{text}} is text compared
-- by its bytes, so that order and paging are the same everywhere.

CREATE TABLE counters (
    name  {{text}} PRIMARY KEY,
    value BIGINT NOT NULL
);
CREATE TABLE meta (
    name  {{text}} PRIMARY KEY,
    value {{text}} NOT NULL
);
INSERT INTO counters (name, value) VALUES ('revocation', 0), ('configuration', 0);

CREATE TABLE organizations (
    id         {{text}} PRIMARY KEY,
    slug       {{text}} NOT NULL UNIQUE,
    name       {{text}} NOT NULL,
    profile    {{text}} NOT NULL,
    status     {{text}} NOT NULL,
    managed_by {{text}} NOT NULL,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE users (
    id                   {{text}} PRIMARY KEY,
    email                {{text}} NOT NULL,
    email_canonical      {{text}} NOT NULL UNIQUE,
    email_verified       BIGINT NOT NULL,
    password_hash        {{text}} NOT NULL,
    password_changed_at  BIGINT NOT NULL,
    status               {{text}} NOT NULL,
    profile              {{text}} NOT NULL,
    last_organization_id {{text}} NOT NULL,
    last_login_at        BIGINT NOT NULL,
    managed_by           {{text}} NOT NULL,
    version              BIGINT NOT NULL,
    created_at           BIGINT NOT NULL,
    updated_at           BIGINT NOT NULL
);

CREATE TABLE memberships (
    organization_id {{text}} NOT NULL REFERENCES organizations (id),
    user_id         {{text}} NOT NULL REFERENCES users (id),
    joined_at       BIGINT NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX memberships_by_user ON memberships (user_id, organization_id);

-- Roles held by people: organization_id is '' for system roles.
CREATE TABLE role_assignments (
    user_id         {{text}} NOT NULL REFERENCES users (id),
    organization_id {{text}} NOT NULL,
    role            {{text}} NOT NULL,
    assigned_at     BIGINT NOT NULL,
    PRIMARY KEY (user_id, organization_id, role)
);
CREATE INDEX role_assignments_by_role ON role_assignments (organization_id, role);

CREATE TABLE roles (
    scope           {{text}} NOT NULL,
    organization_id {{text}} NOT NULL,
    name            {{text}} NOT NULL,
    description     {{text}} NOT NULL,
    permissions     {{text}} NOT NULL,
    builtin         BIGINT NOT NULL,
    managed_by      {{text}} NOT NULL,
    version         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (organization_id, scope, name)
);

CREATE TABLE clients (
    client_id       {{text}} PRIMARY KEY,
    organization_id {{text}} NOT NULL,
    metadata        {{text}} NOT NULL,
    disabled        BIGINT NOT NULL,
    managed_by      {{text}} NOT NULL,
    version         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE INDEX clients_by_organization ON clients (organization_id);

CREATE TABLE client_secrets (
    client_id  {{text}} NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    id         {{text}} NOT NULL,
    hash       BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (client_id, id)
);

CREATE TABLE resources (
    identifier      {{text}} PRIMARY KEY,
    organization_id {{text}} NOT NULL,
    name            {{text}} NOT NULL,
    scopes          {{text}} NOT NULL,
    signing_alg     {{text}} NOT NULL,
    token_lifetime  BIGINT NOT NULL,
    introspectors   {{text}} NOT NULL,
    managed_by      {{text}} NOT NULL,
    version         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);

CREATE TABLE sessions (
    id             {{text}} PRIMARY KEY,
    user_id        {{text}} NOT NULL REFERENCES users (id),
    kind           {{text}} NOT NULL,
    cookie_hash    BYTEA,
    parent_id      {{text}} NOT NULL,
    auth_time      BIGINT NOT NULL,
    acr            {{text}} NOT NULL,
    amr            {{text}} NOT NULL,
    client_id      {{text}} NOT NULL,
    device_name    {{text}} NOT NULL,
    user_agent     {{text}} NOT NULL,
    ip_address     {{text}} NOT NULL,
    remember       BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    last_active_at BIGINT NOT NULL,
    idle_expires_at BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    ended_at       BIGINT NOT NULL,
    end_reason     {{text}} NOT NULL
);
CREATE UNIQUE INDEX sessions_by_cookie ON sessions (cookie_hash) WHERE cookie_hash IS NOT NULL;
CREATE INDEX sessions_by_user ON sessions (user_id, created_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE grants (
    id                 {{text}} PRIMARY KEY,
    client_id          {{text}} NOT NULL,
    user_id            {{text}} NOT NULL REFERENCES users (id),
    session_id         {{text}} NOT NULL,
    organization_id    {{text}} NOT NULL,
    scope              {{text}} NOT NULL,
    audience           {{text}} NOT NULL,
    claims             {{text}} NOT NULL,
    nonce              {{text}} NOT NULL,
    auth_time          BIGINT NOT NULL,
    acr                {{text}} NOT NULL,
    amr                {{text}} NOT NULL,
    offline            BIGINT NOT NULL,
    redirect_uri       {{text}} NOT NULL,
    code_hash          BYTEA,
    code_challenge     {{text}} NOT NULL,
    code_expires_at    BIGINT NOT NULL,
    code_used_at       BIGINT NOT NULL,
    generation         BIGINT NOT NULL,
    stepped_at         BIGINT NOT NULL,
    refresh_expires_at BIGINT NOT NULL,
    revoked_at         BIGINT NOT NULL,
    revoke_reason      {{text}} NOT NULL,
    created_at         BIGINT NOT NULL,
    expires_at         BIGINT NOT NULL
);
CREATE UNIQUE INDEX grants_by_code ON grants (code_hash) WHERE code_hash IS NOT NULL;
CREATE INDEX grants_by_session ON grants (session_id);
CREATE INDEX grants_by_user ON grants (user_id, client_id);
CREATE INDEX grants_by_client ON grants (client_id);

CREATE TABLE login_transactions (
    id               {{text}} PRIMARY KEY,
    browser_hash     BYTEA NOT NULL,
    request          BYTEA,
    session_id       {{text}} NOT NULL,
    authenticated_at BIGINT NOT NULL,
    consented        BIGINT NOT NULL,
    consented_scope  {{text}} NOT NULL,
    consumed_at      BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL
);
CREATE INDEX login_transactions_by_expiry ON login_transactions (expires_at);

CREATE TABLE consents (
    user_id    {{text}} NOT NULL REFERENCES users (id),
    client_id  {{text}} NOT NULL,
    scope      {{text}} NOT NULL,
    audience   {{text}} NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, client_id)
);

CREATE TABLE used_once (
    kind       {{text}} NOT NULL,
    value      {{text}} NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (kind, value)
);
CREATE INDEX used_once_by_expiry ON used_once (expires_at);

CREATE TABLE revocations (
    seq        BIGINT PRIMARY KEY,
    kind       {{text}} NOT NULL,
    value      {{text}} NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX revocations_by_expiry ON revocations (expires_at);

CREATE TABLE events (
    number       {{serial}},
    seq          BIGINT UNIQUE,
    id           {{text}} NOT NULL UNIQUE,
    type         {{text}} NOT NULL,
    time         BIGINT NOT NULL,
    actor        {{text}} NOT NULL,
    actor_kind   {{text}} NOT NULL,
    subject      {{text}} NOT NULL,
    organization {{text}} NOT NULL,
    request      {{text}} NOT NULL,
    data         {{text}} NOT NULL,
    personal     BYTEA,
    personal_of  {{text}} NOT NULL,
    hash         BYTEA
);
CREATE INDEX events_unsequenced ON events (number) WHERE seq IS NULL;
CREATE INDEX events_by_subject ON events (subject, seq);
CREATE INDEX events_by_organization ON events (organization, seq);

CREATE TABLE person_keys (
    user_id    {{text}} PRIMARY KEY,
    sealed     BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE leases (
    name       {{text}} PRIMARY KEY,
    holder     {{text}} NOT NULL,
    token      BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- Logout tokens that clients have yet to receive.
CREATE TABLE logout_deliveries (
    id         {{text}} PRIMARY KEY,
    client_id  {{text}} NOT NULL,
    session_id {{text}} NOT NULL,
    user_id    {{text}} NOT NULL,
    attempts   BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX logout_deliveries_by_due ON logout_deliveries (due_at);
