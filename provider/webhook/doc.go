// Package webhook tells others of events, by POST to addresses that they have
// named: Service keeps webhooks and what was sent to them, Worker sends.
//
//	Fanout.Apply   a follower of the record: one row for each event and webhook,
//	               in the transaction that moves the cursor
//	Worker         takes rows that are due, signs, sends, writes what came of it
//	Service        makes, changes, tests, replays
//
// # What a receiver may count on
//
// Every event that is for a webhook arrives at least once, as long as the
// webhook is enabled and answers within three days. What arrives twice has the
// same webhook-id, the id of the event; so has what an operator sends again.
// There is no promise about order: whoever needs it goes by seq.
//
// A message is signed as Standard Webhooks 1.0.0 says: HMAC-SHA256 over id, time
// and body, under a secret of the webhook. While a secret is being replaced,
// both sign.
//
// # Who is told what
//
// A webhook of an organization is told of what happened in it, as that
// organization reads it at GET /events, and of nothing else; a webhook of the
// system is told of everything. Nothing personal is in a message. matches is the
// one place that decides.
//
// # Nobody waits for another
//
// Each webhook has a lane of its own, a bounded number of attempts at once, and
// a pause when nobody answers: a receiver that hangs holds up nothing but
// itself. Attempts create no events, so that no webhook is told for ever of its
// own failures.
package webhook
