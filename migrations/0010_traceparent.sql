-- The trace that an event happened in (W3C Trace Context), or empty.

ALTER TABLE events ADD COLUMN traceparent {{text}} NOT NULL DEFAULT '';
