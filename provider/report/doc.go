// Package report answers what auditors and people ask, as one table or a few:
//
//	Service.Access    who has which role, since when, given by whom, last signed in
//	Service.Evidence  what the record shows for the controls of SOC 2 or HIPAA
//	Service.Person    all that is known of one person (GDPR Art. 15 and 20)
//	Service.Erasure   what is left of a person who was erased (GDPR Art. 17)
//
// A Report is written as JSON, as CSV or as a page to read (Write). Its figures
// are counted from the record itself when it is made; the event types behind
// each stand beside it, so that anybody can count again.
package report
