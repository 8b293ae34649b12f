-- Named rules by which /auth/validate judges tokens for gateways.

CREATE TABLE gates (
    name            {{text}} PRIMARY KEY,
    audience        {{text}} NOT NULL,
    scopes          {{text}} NOT NULL,
    roles           {{text}} NOT NULL,
    organization_id {{text}} NOT NULL,
    acr             {{text}} NOT NULL,
    max_age         BIGINT NOT NULL,
    style           {{text}} NOT NULL,
    managed_by      {{text}} NOT NULL,
    version         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
