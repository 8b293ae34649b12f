package pg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

func unavailable(err error) error {
	return fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
}

// mapError puts a sentinel before pgx's error. The codes are those of
// PostgreSQL's documentation, appendix A; the details, which hold values, are
// not part of a PgError's text.
func mapError(err error) error {
	if err == nil || errors.Is(err, storage.ErrUnavailable) {
		return err
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return engine.ErrNoRows
	}
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return mapCode(pe)
	}
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled),
		errors.As(err, &connect), errors.As(err, &network), errors.Is(err, net.ErrClosed),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, puddle.ErrClosedPool), pgconn.SafeToRetry(err), pgconn.Timeout(err):
		return unavailable(err)
	}
	return err
}

func mapCode(pe *pgconn.PgError) error {
	switch pe.Code {
	case "23505": // unique_violation
		return fmt.Errorf("%w: %w", storage.ErrConflict, pe)
	case "23503": // foreign_key_violation
		return fmt.Errorf("%w: %w", storage.ErrNotFound, pe)
	case "40001", "40P01", "55P03": // serialization_failure, deadlock_detected, lock_not_available
		return fmt.Errorf("%w: %w", engine.ErrRetry, pe)
	case "57014", // query_canceled: at our deadline
		"25006", // read_only_sql_transaction: a standby
		"25P03", // idle_in_transaction_session_timeout
		"58030": // io_error
		return unavailable(pe)
	}
	switch pe.Code[:min(2, len(pe.Code))] {
	case "08", "53", "57": // connection, resources, operator intervention
		return unavailable(pe)
	}
	return pe
}
