// Package figures counts what the record of events says, for the people who
// run the system: logins by method and result, people who were active, second
// factors, new accounts, tokens by grant, security events.
//
//	Count          is what the follower "figures" applies: counts by day
//	Service.Ask    the rows of one Figure over a range of days
//	Service.Now    how many people there are now, and how many have a factor
//	Tally          counts tokens in memory and records the counts
//
// The counts and the follower's place in the record are one transaction, so
// they are exact after any crash, and what a figure costs does not grow with
// how much has happened.
package figures
