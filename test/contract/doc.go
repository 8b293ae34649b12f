// Package contract lets two clients that were written from the contract of
// the JSON API alone, and share nothing with the server, walk the life of a
// person and of an organization against the built binary: a service in Python
// (life.py, with requests) and a front end in TypeScript (life.ts, with fetch),
// on SQLite and on PostgreSQL with Redis, with mail through a real SMTP server.
package contract
