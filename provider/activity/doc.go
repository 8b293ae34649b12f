// Package activity answers what people did, from the record of what happened.
//
//	Count              is what the follower "rollups" applies: counts by day
//	Service.Of         one person's activities, newest first, and their totals
//	Service.In         the same of an organization
//	Service.Record     what a service reports that a person did there
//
// Counted says which events are activity: what people do and what is done to
// their account, not the machinery behind it (a session's row, a code). The
// counts come from the same rows as the lists, in the transaction that moves
// the follower's cursor, so they are exact after any crash.
package activity
