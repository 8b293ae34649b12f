-- Who was there in a day, a week or a month (its first day, in days since
-- 1970-01-01 UTC), so that each person counts once.

CREATE TABLE presences (
    period       {{text}} NOT NULL,
    day          BIGINT NOT NULL,
    organization {{text}} NOT NULL,
    user_id      {{text}} NOT NULL,
    PRIMARY KEY (period, day, organization, user_id)
);
