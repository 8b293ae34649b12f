// Package account serves the routes by which people get, prove, recover, change
// and end their own account: /auth/register, /auth/verify-email and their kin.
package account
