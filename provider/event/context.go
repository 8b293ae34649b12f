package event

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
)

// ActorKind says what kind of id an actor's is.
type ActorKind string

// The kinds of actor.
const (
	ActorUser   ActorKind = "user"
	ActorClient ActorKind = "client"
	ActorSystem ActorKind = "system"
)

// Actor is who did it.
type Actor struct {
	ID   string
	Kind ActorKind
}

// System is the actor when a context names none: a job, the command line, the
// server itself.
func System() Actor { return Actor{ID: "system", Kind: ActorSystem} }

type actorKey struct{}

type requestKey struct{}

// WithActor names who does what is recorded under the context.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorFrom returns the context's actor, or System.
func ActorFrom(ctx context.Context) Actor {
	if a, ok := ctx.Value(actorKey{}).(Actor); ok && a.ID != "" {
		return a
	}
	return System()
}

// WithRequest names the request that is being served, so that its events and
// its log line can be found together.
func WithRequest(ctx context.Context, requestID string) context.Context {
	return context.WithValue(ctx, requestKey{}, requestID)
}

// RequestFrom returns the context's request id, or "".
func RequestFrom(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// traceParent is the trace that the context belongs to, as the header of that
// name says it (W3C Trace Context §3.2), or "".
func traceParent(ctx context.Context) string {
	header := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, header)
	return header.Get("traceparent")
}
