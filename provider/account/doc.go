// Package account is how an account is made, proven, recovered, changed and
// ended by its person. Package user changes the rows; what is here decides what
// has to be proven first, and tells the person what happened.
//
//	Register       -> mail with a link -> VerifyEmail
//	RequestReset   -> mail with a link -> Reset          (every session ends)
//	RequestEmail   -> mail to the new address -> ConfirmEmail
//	OfferUnlock    -> mail with a link -> Unlock         (when failures have locked it)
//	RequestPhone   -> text message to the new number -> VerifyPhone
//	Delete         -> mail with a link -> Restore, or, when the grace is over, erasure
//
// A link holds 256 random bits and is stored as a keyed hash; it is used up in
// the transaction of what it does, and a new one of a purpose voids the earlier
// ones. Whatever is asked for by address (a reset, a verification) is answered
// before anybody looks whether there is such an account: Run does the rest
// beside the requests, so that neither the answer nor its time tells.
package account
