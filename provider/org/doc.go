// Package org keeps organizations and who belongs to them.
//
// One rule spans rows: an organization never is without an owner. So every
// change of memberships first bumps the organization's version, its guard row:
// two owners who remove each other at the same time meet there, and the second
// one sees what the first has done. Nobody gives or takes a role that gives
// what they lack (package access).
package org
