// Package control is what the command line can do to an installation, written
// once: Operations is the list, Local does it on an open store, Client asks a
// running server to do it, Serve answers. A second process on an SQLite file is
// refused, so beside a running server commands go through its control socket
// in the data directory; everything else opens the store itself.
//
//	command ── Operations ─┬─ Local ── services ── store
//	                       └─ Client ═ unix socket ═ Serve ── Local
//
// The socket is for the operator: mode 0600, and a peer that is not the same
// user (or root) is turned away. What is written to it is JSON over HTTP, one
// POST for each operation.
package control
