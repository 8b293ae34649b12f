package sqlstore

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

// tracing gives every statement and transaction of an engine a span when the
// request it belongs to has one that is recorded. It is put before SQLite only
// when there is a tracer, so that nothing is paid for without; pgx has a
// tracer of its own, which does the same.
type tracing struct {
	engine.Engine
	querier tracingQuerier
}

func traced(e engine.Engine, p trace.TracerProvider) engine.Engine {
	t := p.Tracer("github.com/signet-idp/signet/storage/sqlstore")
	return &tracing{e, tracingQuerier{e, t}}
}

func (e *tracing) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	return e.querier.Exec(ctx, sql, args...)
}

func (e *tracing) Row(ctx context.Context, sql string, args []any, dest ...any) error {
	return e.querier.Row(ctx, sql, args, dest...)
}

func (e *tracing) Rows(ctx context.Context, sql string, args []any, each func(engine.Scan) error) error {
	return e.querier.Rows(ctx, sql, args, each)
}

func (e *tracing) Begin(ctx context.Context) (engine.Tx, error) {
	ctx, span := e.querier.start(ctx, "BEGIN")
	tx, err := e.Engine.Begin(ctx)
	end(span, err)
	if err != nil {
		return nil, err
	}
	return &tracingTx{tx, tracingQuerier{tx, e.querier.tracer}}, nil
}

type tracingTx struct {
	engine.Tx
	querier tracingQuerier
}

func (t *tracingTx) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	return t.querier.Exec(ctx, sql, args...)
}

func (t *tracingTx) Row(ctx context.Context, sql string, args []any, dest ...any) error {
	return t.querier.Row(ctx, sql, args, dest...)
}

func (t *tracingTx) Rows(ctx context.Context, sql string, args []any, each func(engine.Scan) error) error {
	return t.querier.Rows(ctx, sql, args, each)
}

func (t *tracingTx) Commit(ctx context.Context, last []engine.Statement) error {
	ctx, span := t.querier.start(ctx, "COMMIT")
	err := t.Tx.Commit(ctx, last)
	end(span, err)
	return err
}

// tracingQuerier is the part that an engine and a transaction share.
type tracingQuerier struct {
	inner  engine.Querier
	tracer trace.Tracer
}

// start names the span by the statement's first word; the text has no values
// in it (OpenTelemetry semantic conventions for databases).
func (q tracingQuerier) start(ctx context.Context, sql string) (context.Context, trace.Span) {
	if parent := trace.SpanFromContext(ctx); !parent.IsRecording() {
		return ctx, noop.Span{}
	}
	n := 0
	for n < len(sql) && sql[n] >= 'A' && sql[n] <= 'Z' {
		n++
	}
	return q.tracer.Start(ctx, sql[:n], trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("db.system.name", "sqlite"), attribute.String("db.query.text", sql)))
}

func (q tracingQuerier) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	ctx, span := q.start(ctx, sql)
	n, err := q.inner.Exec(ctx, sql, args...)
	end(span, err)
	return n, err
}

func (q tracingQuerier) Row(ctx context.Context, sql string, args []any, dest ...any) error {
	ctx, span := q.start(ctx, sql)
	err := q.inner.Row(ctx, sql, args, dest...)
	end(span, err)
	return err
}

func (q tracingQuerier) Rows(ctx context.Context, sql string, args []any, each func(engine.Scan) error) error {
	ctx, span := q.start(ctx, sql)
	err := q.inner.Rows(ctx, sql, args, each)
	end(span, err)
	return err
}

// end closes a span. That nothing was found or somebody was faster is no error
// of the database.
func end(span trace.Span, err error) {
	if err != nil && !errors.Is(err, storage.ErrNotFound) && !errors.Is(err, storage.ErrConflict) {
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}
