// Package kafka publishes the record of events to Apache Kafka.
//
//	Relay       what a follower of the record does with its batches
//	Publisher   what speaks with the brokers
//	Replay      publishes again what was published before
//
// One follower in all replicas works at a time: the one that holds the lease
// (event.Follower). A batch goes
//
//	Relay.Deliver   encode, leave out whose subject has something parked, publish
//	Relay.Apply     park what was refused, in the transaction that moves the cursor
//	Relay.Tend      before each look: try again what is parked and due
//
// # What a reader may count on
//
// Every committed event arrives at least once, and none that was rolled back:
// the cursor moves after the brokers have acknowledged. What arrives twice has
// the same id; it is never more than one batch each time that a relay died, was
// replaced or lost the brokers before it could move the cursor.
//
// The key of a record is the event's subject, so that what is about one user or
// organization lies in one partition of each topic, in the order of seq. Whoever
// publishes begins at the cursor and leaves nothing out, so that events appear
// for the first time in that order, whatever is repeated; the idempotent producer
// keeps it inside a batch when connections break. Between topics Kafka knows no
// order: there a reader goes by seq.
//
// An event that the brokers refuse for what it is (too large, invalid, no topic)
// is parked, and with it what comes later about the same subject; everything
// else goes on. Parked events are tried again after growing pauses and on
// command, in order. Anything else that fails, the network above all, holds the
// whole relay until it works again: the record is the queue.
package kafka
