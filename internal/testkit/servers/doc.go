// Package servers gives tests real servers: [Postgres] a fresh database of a
// PostgreSQL, [Redis] a database of its own in a Redis, [Kafka] a prefix of its
// own for topics of a Kafka.
//
// Where they come from, first match wins:
//
//  1. SIGNET_TEST_POSTGRES_URL, SIGNET_TEST_REDIS_URL and
//     SIGNET_TEST_KAFKA_BROKERS. `make test` starts all once for all packages
//     and sets these (internal/tools/testservers).
//     Pointing them at servers of your own works too; the PostgreSQL role must
//     be allowed to create databases, and the Redis must hold nothing of
//     value: every database but 0 is emptied as tests take it.
//  2. Programs installed on this machine (package launch), one server per test
//     process, started when a test first asks.
//
// If neither is there the test fails and says what to install. It is never
// skipped: a suite that passes has tested both engines.
package servers
