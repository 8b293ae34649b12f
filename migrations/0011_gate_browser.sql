-- How a gate treats people with browsers, as JSON; empty: it has none of them.

ALTER TABLE gates ADD COLUMN browser {{text}} NOT NULL DEFAULT '';

-- What a gate does while nobody can say whether a token was revoked; empty: refuse.
ALTER TABLE gates ADD COLUMN fail {{text}} NOT NULL DEFAULT '';
