// Package notify tells people things by mail and text message.
//
//	Service.Queue   in the transaction of the change it tells of: the message is
//	                rendered in the recipient's language and stored, sealed
//	      |
//	   commit       the change and its message stand together, or neither does
//	      |
//	Worker.Run      takes what is due, opens it, hands it to a Sender and deletes
//	                it; tries again later, until it expires, what a Sender could
//	                not deliver now
//
// A request never waits for a mail server. What waits holds a recipient's
// address and often the secret of a link, so rows are sealed under a data key
// of their own and bound to their id, deleted once delivered, and swept when
// they expire. A message is sent at least once: a replica that dies between the
// mail server's "250" and its own delete leaves a row that another sends again,
// with the same Message-ID.
//
// Links lead to the configured issuer and nowhere else. What a person typed (a
// name, an organization's name) is cleaned before it stands in a message: one
// line, at most 64 characters, nothing that steers text direction, and nothing
// a mail program would make a link of. Names of recipients are not used at all:
// whoever registers with another's address would choose what we write to them.
package notify
