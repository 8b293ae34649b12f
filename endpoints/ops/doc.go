// Package ops serves what operators and their machines ask: health, readiness,
// metrics and, on a listener of its own, profiling.
//
// New takes the Checks; Mount adds the routes to the server's table, Table makes
// the one of the operations listener. Started and Drain move the process
// through its life: startupz and readyz follow.
package ops
