package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/signet-idp/signet/provider/apply"
	"github.com/signet-idp/signet/provider/audit"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// ErrNoServer means that nothing answers on the socket.
var ErrNoServer = errors.New("control: no server")

// Socket asks a running server.
type Socket struct{ http *http.Client }

var _ Operations = (*Socket)(nil)

// dialTimeout bounds one attempt to reach a server on the same machine.
const dialTimeout = 2 * time.Second

// Dial connects to the server whose socket is at path; ErrNoServer when none
// answers there.
func Dial(ctx context.Context, path string) (*Socket, error) {
	dial := func(ctx context.Context) (net.Conn, error) {
		d := net.Dialer{Timeout: dialTimeout}
		return d.DialContext(ctx, "unix", path)
	}
	conn, err := dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoServer, err)
	}
	if err := errors.Join(checkPeer(conn), conn.Close()); err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	return &Socket{http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}}}, nil
}

// ask sends one request and reads its answer.
func ask[Res any](ctx context.Context, s *Socket, name string, req any) (res Res, err error) {
	body, err := json.Marshal(req)
	if err != nil {
		return res, fmt.Errorf("control: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://signet"+prefix+name, bytes.NewReader(body))
	if err != nil {
		return res, fmt.Errorf("control: %w", err)
	}
	answer, err := s.http.Do(r)
	if err != nil {
		return res, fmt.Errorf("control: the server went away: %w: %w", storage.ErrUnavailable, err)
	}
	defer answer.Body.Close()
	limited := io.LimitReader(answer.Body, maxMessage)
	switch answer.StatusCode {
	case http.StatusOK:
		if err := json.NewDecoder(limited).Decode(&res); err != nil {
			return res, fmt.Errorf("control: answer: %w", err)
		}
		return res, nil
	case http.StatusUnprocessableEntity:
		var e wireError
		if err := json.NewDecoder(limited).Decode(&e); err != nil {
			return res, fmt.Errorf("control: answer: %w", err)
		}
		return res, e.error()
	}
	return res, fmt.Errorf("control: this command and the running server are of different versions (%s)", answer.Status)
}

// Inspect implements Operations.
func (s *Socket) Inspect(ctx context.Context) (Inspection, error) {
	in, err := ask[Inspection](ctx, s, "inspect", none{})
	in.ViaSocket = err == nil
	return in, err
}

// Migrations implements Operations.
func (s *Socket) Migrations(ctx context.Context) ([]sqlstore.MigrationStatus, error) {
	return ask[[]sqlstore.MigrationStatus](ctx, s, "migrations", none{})
}

// Apply implements Operations.
func (s *Socket) Apply(ctx context.Context, r ApplyRequest) (*apply.Report, error) {
	return ask[*apply.Report](ctx, s, "apply", r)
}

// Export implements Operations.
func (s *Socket) Export(ctx context.Context, r ExportRequest) (ExportResult, error) {
	return ask[ExportResult](ctx, s, "export", r)
}

// ListKeys implements Operations.
func (s *Socket) ListKeys(ctx context.Context) ([]Key, error) {
	return ask[[]Key](ctx, s, "keys/list", none{})
}

// RotateKey implements Operations.
func (s *Socket) RotateKey(ctx context.Context, r KeyRequest) ([]KeyChange, error) {
	return ask[[]KeyChange](ctx, s, "keys/rotate", r)
}

// RevokeKey implements Operations.
func (s *Socket) RevokeKey(ctx context.Context, r KeyRequest) ([]KeyChange, error) {
	return ask[[]KeyChange](ctx, s, "keys/revoke", r)
}

// CreateUser implements Operations.
func (s *Socket) CreateUser(ctx context.Context, r CreateUser) (User, error) {
	return ask[User](ctx, s, "users/create", r)
}

// ListUsers implements Operations.
func (s *Socket) ListUsers(ctx context.Context, r Page) ([]User, error) {
	return ask[[]User](ctx, s, "users/list", r)
}

// GetUser implements Operations.
func (s *Socket) GetUser(ctx context.Context, r UserRequest) (User, error) {
	return ask[User](ctx, s, "users/get", r)
}

// SetUserStatus implements Operations.
func (s *Socket) SetUserStatus(ctx context.Context, r UserRequest) (User, error) {
	return ask[User](ctx, s, "users/status", r)
}

// ResetFactors implements Operations.
func (s *Socket) ResetFactors(ctx context.Context, r UserRequest) (User, error) {
	return ask[User](ctx, s, "users/factors", r)
}

// ResetPassword implements Operations.
func (s *Socket) ResetPassword(ctx context.Context, r UserRequest) (User, error) {
	return ask[User](ctx, s, "users/password", r)
}

// RecoverUser implements Operations.
func (s *Socket) RecoverUser(ctx context.Context, r UserRequest) (RecoveryLink, error) {
	return ask[RecoveryLink](ctx, s, "users/recover", r)
}

// Report implements Operations.
func (s *Socket) Report(ctx context.Context, r ReportRequest) (ReportFile, error) {
	return ask[ReportFile](ctx, s, "report", r)
}

// RewrapKeys implements Operations.
func (s *Socket) RewrapKeys(ctx context.Context, r Rewrapping) (Rewrapping, error) {
	return ask[Rewrapping](ctx, s, "keys/rewrap", r)
}

// FinishRestore implements Operations.
func (s *Socket) FinishRestore(ctx context.Context) (RestoreEnded, error) {
	return ask[RestoreEnded](ctx, s, "restore/finish", none{})
}

// Rebuild implements Operations.
func (s *Socket) Rebuild(ctx context.Context, r Rebuilding) (Rebuilding, error) {
	return ask[Rebuilding](ctx, s, "rebuild", r)
}

// Events implements Operations.
func (s *Socket) Events(ctx context.Context, r EventPage) ([]event.Envelope, error) {
	return ask[[]event.Envelope](ctx, s, "events/list", r)
}

// ReplayEvents implements Operations.
func (s *Socket) ReplayEvents(ctx context.Context, r Replaying) (Replaying, error) {
	return ask[Replaying](ctx, s, "events/replay", r)
}

// ParkedEvents implements Operations.
func (s *Socket) ParkedEvents(ctx context.Context, r EventPage) ([]ParkedEvent, error) {
	return ask[[]ParkedEvent](ctx, s, "events/parked", r)
}

// RetryParked implements Operations.
func (s *Socket) RetryParked(ctx context.Context, r ParkedRequest) (ParkedResult, error) {
	return ask[ParkedResult](ctx, s, "events/retry", r)
}

// DiscardParked implements Operations.
func (s *Socket) DiscardParked(ctx context.Context, r ParkedRequest) (ParkedResult, error) {
	return ask[ParkedResult](ctx, s, "events/discard", r)
}

// AuditPage implements Operations.
func (s *Socket) AuditPage(ctx context.Context, r AuditPage) (audit.Page, error) {
	r.Size = min(max(r.Size, 1), pageSize) // it must fit into one answer
	return ask[audit.Page](ctx, s, "audit/page", r)
}

// AuditReach implements Operations.
func (s *Socket) AuditReach(ctx context.Context) (AuditReach, error) {
	return ask[AuditReach](ctx, s, "audit/reach", none{})
}

// AuditEntries implements Operations.
func (s *Socket) AuditEntries(ctx context.Context, f audit.Filter) ([]audit.Entry, error) {
	return ask[[]audit.Entry](ctx, s, "audit/entries", f)
}

// AuditHolds implements Operations.
func (s *Socket) AuditHolds(ctx context.Context) ([]AuditHold, error) {
	return ask[[]AuditHold](ctx, s, "audit/holds/list", none{})
}

// AddAuditHold implements Operations.
func (s *Socket) AddAuditHold(ctx context.Context, r AuditHold) (AuditHold, error) {
	return ask[AuditHold](ctx, s, "audit/holds/add", r)
}

// RemoveAuditHold implements Operations.
func (s *Socket) RemoveAuditHold(ctx context.Context, r AuditHold) (AuditHold, error) {
	return ask[AuditHold](ctx, s, "audit/holds/remove", r)
}

// AuditAsOf implements Operations.
func (s *Socket) AuditAsOf(ctx context.Context, m audit.Moment) (audit.Holdings, error) {
	return ask[audit.Holdings](ctx, s, "audit/as-of", m)
}

// CreateClient implements Operations.
func (s *Socket) CreateClient(ctx context.Context, r CreateClient) (Client, error) {
	return ask[Client](ctx, s, "clients/create", r)
}

// ListClients implements Operations.
func (s *Socket) ListClients(ctx context.Context, r Page) ([]Client, error) {
	return ask[[]Client](ctx, s, "clients/list", r)
}

// GetClient implements Operations.
func (s *Socket) GetClient(ctx context.Context, r ClientRequest) (Client, error) {
	return ask[Client](ctx, s, "clients/get", r)
}

// RotateClientSecret implements Operations.
func (s *Socket) RotateClientSecret(ctx context.Context, r ClientRequest) (Client, error) {
	return ask[Client](ctx, s, "clients/secret", r)
}

// DisableClient implements Operations.
func (s *Socket) DisableClient(ctx context.Context, r ClientRequest) (Client, error) {
	return ask[Client](ctx, s, "clients/disable", r)
}

// DeleteClient implements Operations.
func (s *Socket) DeleteClient(ctx context.Context, r ClientRequest) (Client, error) {
	return ask[Client](ctx, s, "clients/delete", r)
}
