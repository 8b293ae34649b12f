// Package replicas tests what only shows when several servers share one
// database, when many ask at once, and when what they stand on fails: one
// winner of every race, revocations that reach everybody, keys that rotate
// under load, no event without its change.
package replicas
