package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"
)

// Serve answers operations on the socket at path until stop is called. The
// caller has the database open, so a socket that is there already is a dead
// server's and is replaced.
func Serve(ctx context.Context, path string, ops Operations, log *slog.Logger) (stop func(), err error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("control: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("control: %w", err), listener.Close())
	}
	srv := &http.Server{
		Handler: handler(ops), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := srv.Serve(sameUser{listener, log}); !errors.Is(err, http.ErrServerClosed) {
			log.Error("control socket", "error", err)
		}
	}()
	return func() {
		// A command that is running finishes; it has its own deadline.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = srv.Shutdown(ctx)
		<-done
	}, nil
}

// sameUser turns peers away that are neither this user nor root: whoever can
// reach the file through a mistake in its mode still cannot use it.
type sameUser struct {
	net.Listener
	log *slog.Logger
}

func (l sameUser) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if err := checkPeer(conn); err != nil {
			l.log.Warn("control socket: a stranger was turned away", "error", err)
			_ = conn.Close()
			continue
		}
		return conn, nil
	}
}

func handler(o Operations) http.Handler {
	mux := http.NewServeMux()
	handle(mux, "inspect", func(ctx context.Context, _ none) (Inspection, error) { return o.Inspect(ctx) })
	handle(mux, "migrations", func(ctx context.Context, _ none) (any, error) { return o.Migrations(ctx) })
	handle(mux, "apply", o.Apply)
	handle(mux, "export", o.Export)
	handle(mux, "keys/list", func(ctx context.Context, _ none) ([]Key, error) { return o.ListKeys(ctx) })
	handle(mux, "keys/rotate", o.RotateKey)
	handle(mux, "keys/revoke", o.RevokeKey)
	handle(mux, "keys/rewrap", o.RewrapKeys)
	handle(mux, "restore/finish", func(ctx context.Context, _ none) (RestoreEnded, error) { return o.FinishRestore(ctx) })
	handle(mux, "users/create", o.CreateUser)
	handle(mux, "users/list", o.ListUsers)
	handle(mux, "users/get", o.GetUser)
	handle(mux, "users/status", o.SetUserStatus)
	handle(mux, "users/password", o.ResetPassword)
	handle(mux, "users/recover", o.RecoverUser)
	handle(mux, "users/factors", o.ResetFactors)
	handle(mux, "rebuild", o.Rebuild)
	handle(mux, "events/list", o.Events)
	handle(mux, "events/replay", o.ReplayEvents)
	handle(mux, "events/parked", o.ParkedEvents)
	handle(mux, "events/retry", o.RetryParked)
	handle(mux, "events/discard", o.DiscardParked)
	handle(mux, "audit/page", o.AuditPage)
	handle(mux, "audit/reach", func(ctx context.Context, _ none) (AuditReach, error) { return o.AuditReach(ctx) })
	handle(mux, "audit/entries", o.AuditEntries)
	handle(mux, "audit/as-of", o.AuditAsOf)
	handle(mux, "audit/holds/list", func(ctx context.Context, _ none) ([]AuditHold, error) { return o.AuditHolds(ctx) })
	handle(mux, "audit/holds/add", o.AddAuditHold)
	handle(mux, "audit/holds/remove", o.RemoveAuditHold)
	handle(mux, "report", o.Report)
	handle(mux, "clients/create", o.CreateClient)
	handle(mux, "clients/list", o.ListClients)
	handle(mux, "clients/get", o.GetClient)
	handle(mux, "clients/secret", o.RotateClientSecret)
	handle(mux, "clients/disable", o.DisableClient)
	handle(mux, "clients/delete", o.DeleteClient)
	handle(mux, "webhooks/create", o.CreateWebhook)
	handle(mux, "webhooks/list", o.ListWebhooks)
	handle(mux, "webhooks/get", o.GetWebhook)
	handle(mux, "webhooks/enable", o.EnableWebhook)
	handle(mux, "webhooks/delete", o.DeleteWebhook)
	handle(mux, "webhooks/secret", o.RotateWebhookSecret)
	handle(mux, "webhooks/test", o.TestWebhook)
	handle(mux, "webhooks/deliveries", o.WebhookDeliveries)
	handle(mux, "webhooks/retry", o.RetryWebhook)
	handle(mux, "webhooks/replay", o.ReplayWebhook)
	return mux
}

// handle serves one operation.
func handle[Req, Res any](mux *http.ServeMux, name string, do func(context.Context, Req) (Res, error)) {
	mux.HandleFunc("POST "+prefix+name, func(w http.ResponseWriter, r *http.Request) {
		var req Req
		dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxMessage))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&req); err != nil {
			writeError(w, fmt.Errorf("this command and the server are of different versions: %w", err))
			return
		}
		res, err := do(r.Context(), req)
		if err != nil {
			writeError(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(res) // the peer is gone, or reads it
	})
}
