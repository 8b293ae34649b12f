-- How a gate treats people with browsers, as JSON; empty: it has none of them.

ALTER TABLE gates ADD COLUMN browser {{text}} NOT NULL DEFAULT '';
