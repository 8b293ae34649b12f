// Package web is the one HTTP frame around all endpoints.
//
// An endpoint package describes its routes (Route) and adds them to a Table;
// Table.Mount turns the table into the server's http.Handler. A request flows
//
//	match (static map, then mux) -> request id, client address, log record
//	  -> Host -> CORS -> CSRF -> rate limit -> authorization rule
//	  -> content type, body limit, deadline -> handler -> error answer
//	  -> log line, metrics
//
// Handlers return an error; answer.go turns it into one of three wire shapes
// (JSON API, OAuth, hosted page). Routes that only hand out a prepared document
// (Route.Prepared) leave the flow after the match and cost next to nothing.
package web
