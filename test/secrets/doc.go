// Package secrets lets a server live through a day with secrets that the test
// knows, then searches everything it wrote: its log, its events and their
// sealed parts, its metrics, its error answers, its database and Redis.
package secrets
