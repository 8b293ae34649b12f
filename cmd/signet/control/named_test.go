package control

import (
	"context"
	"errors"

	"github.com/signet-idp/signet/provider/apply"
	"github.com/signet-idp/signet/provider/audit"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// named answers each operation with its name.
type named struct{}

func (named) Inspect(context.Context) (Inspection, error) {
	return Inspection{}, errors.New("called Inspect")
}

func (named) Migrations(context.Context) ([]sqlstore.MigrationStatus, error) {
	return nil, errors.New("called Migrations")
}

func (named) Apply(context.Context, ApplyRequest) (*apply.Report, error) {
	return nil, errors.New("called Apply")
}

func (named) Export(context.Context, ExportRequest) (ExportResult, error) {
	return ExportResult{}, errors.New("called Export")
}

func (named) ListKeys(context.Context) ([]Key, error) {
	return nil, errors.New("called ListKeys")
}

func (named) RotateKey(context.Context, KeyRequest) ([]KeyChange, error) {
	return nil, errors.New("called RotateKey")
}

func (named) RevokeKey(context.Context, KeyRequest) ([]KeyChange, error) {
	return nil, errors.New("called RevokeKey")
}

func (named) CreateUser(context.Context, CreateUser) (User, error) {
	return User{}, errors.New("called CreateUser")
}

func (named) ListUsers(context.Context, Page) ([]User, error) {
	return nil, errors.New("called ListUsers")
}

func (named) GetUser(context.Context, UserRequest) (User, error) {
	return User{}, errors.New("called GetUser")
}

func (named) SetUserStatus(context.Context, UserRequest) (User, error) {
	return User{}, errors.New("called SetUserStatus")
}

func (named) ResetFactors(context.Context, UserRequest) (User, error) {
	return User{}, errors.New("called ResetFactors")
}

func (named) ResetPassword(context.Context, UserRequest) (User, error) {
	return User{}, errors.New("called ResetPassword")
}

func (named) RecoverUser(context.Context, UserRequest) (RecoveryLink, error) {
	return RecoveryLink{}, errors.New("called RecoverUser")
}

func (named) Report(context.Context, ReportRequest) (ReportFile, error) {
	return ReportFile{}, errors.New("called Report")
}

func (named) RewrapKeys(context.Context, Rewrapping) (Rewrapping, error) {
	return Rewrapping{}, errors.New("called RewrapKeys")
}

func (named) FinishRestore(context.Context) (RestoreEnded, error) {
	return RestoreEnded{}, errors.New("called FinishRestore")
}

func (named) Rebuild(context.Context, Rebuilding) (Rebuilding, error) {
	return Rebuilding{}, errors.New("called Rebuild")
}

func (named) Events(context.Context, EventPage) ([]event.Envelope, error) {
	return nil, errors.New("called Events")
}

func (named) ReplayEvents(context.Context, Replaying) (Replaying, error) {
	return Replaying{}, errors.New("called ReplayEvents")
}

func (named) ParkedEvents(context.Context, EventPage) ([]ParkedEvent, error) {
	return nil, errors.New("called ParkedEvents")
}

func (named) RetryParked(context.Context, ParkedRequest) (ParkedResult, error) {
	return ParkedResult{}, errors.New("called RetryParked")
}

func (named) DiscardParked(context.Context, ParkedRequest) (ParkedResult, error) {
	return ParkedResult{}, errors.New("called DiscardParked")
}

func (named) AuditPage(context.Context, AuditPage) (audit.Page, error) {
	return audit.Page{}, errors.New("called AuditPage")
}

func (named) AuditReach(context.Context) (AuditReach, error) {
	return AuditReach{}, errors.New("called AuditReach")
}

func (named) AuditEntries(context.Context, audit.Filter) ([]audit.Entry, error) {
	return nil, errors.New("called AuditEntries")
}

func (named) AuditHolds(context.Context) ([]AuditHold, error) {
	return nil, errors.New("called AuditHolds")
}

func (named) AddAuditHold(context.Context, AuditHold) (AuditHold, error) {
	return AuditHold{}, errors.New("called AddAuditHold")
}

func (named) RemoveAuditHold(context.Context, AuditHold) (AuditHold, error) {
	return AuditHold{}, errors.New("called RemoveAuditHold")
}

func (named) AuditAsOf(context.Context, audit.Moment) (audit.Holdings, error) {
	return audit.Holdings{}, errors.New("called AuditAsOf")
}

func (named) CreateClient(context.Context, CreateClient) (Client, error) {
	return Client{}, errors.New("called CreateClient")
}

func (named) ListClients(context.Context, Page) ([]Client, error) {
	return nil, errors.New("called ListClients")
}

func (named) GetClient(context.Context, ClientRequest) (Client, error) {
	return Client{}, errors.New("called GetClient")
}

func (named) RotateClientSecret(context.Context, ClientRequest) (Client, error) {
	return Client{}, errors.New("called RotateClientSecret")
}

func (named) DisableClient(context.Context, ClientRequest) (Client, error) {
	return Client{}, errors.New("called DisableClient")
}

func (named) DeleteClient(context.Context, ClientRequest) (Client, error) {
	return Client{}, errors.New("called DeleteClient")
}

func (named) CreateWebhook(context.Context, CreateWebhook) (Webhook, error) {
	return Webhook{}, errors.New("called CreateWebhook")
}

func (named) ListWebhooks(context.Context, WebhookRequest) ([]Webhook, error) {
	return nil, errors.New("called ListWebhooks")
}

func (named) GetWebhook(context.Context, WebhookRequest) (Webhook, error) {
	return Webhook{}, errors.New("called GetWebhook")
}

func (named) EnableWebhook(context.Context, WebhookRequest) (Webhook, error) {
	return Webhook{}, errors.New("called EnableWebhook")
}

func (named) DeleteWebhook(context.Context, WebhookRequest) (Webhook, error) {
	return Webhook{}, errors.New("called DeleteWebhook")
}

func (named) RotateWebhookSecret(context.Context, WebhookRequest) (Webhook, error) {
	return Webhook{}, errors.New("called RotateWebhookSecret")
}

func (named) TestWebhook(context.Context, WebhookRequest) (WebhookTest, error) {
	return WebhookTest{}, errors.New("called TestWebhook")
}

func (named) WebhookDeliveries(context.Context, WebhookRequest) ([]WebhookDelivery, error) {
	return nil, errors.New("called WebhookDeliveries")
}

func (named) RetryWebhook(context.Context, WebhookRequest) (WebhookDelivery, error) {
	return WebhookDelivery{}, errors.New("called RetryWebhook")
}

func (named) ReplayWebhook(context.Context, WebhookRequest) (WebhookReplay, error) {
	return WebhookReplay{}, errors.New("called ReplayWebhook")
}
