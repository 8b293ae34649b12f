package control

import "context"

// CreateWebhook implements Operations.
func (s *Socket) CreateWebhook(ctx context.Context, r CreateWebhook) (Webhook, error) {
	return ask[Webhook](ctx, s, "webhooks/create", r)
}

// ListWebhooks implements Operations.
func (s *Socket) ListWebhooks(ctx context.Context, r WebhookRequest) ([]Webhook, error) {
	return ask[[]Webhook](ctx, s, "webhooks/list", r)
}

// GetWebhook implements Operations.
func (s *Socket) GetWebhook(ctx context.Context, r WebhookRequest) (Webhook, error) {
	return ask[Webhook](ctx, s, "webhooks/get", r)
}

// EnableWebhook implements Operations.
func (s *Socket) EnableWebhook(ctx context.Context, r WebhookRequest) (Webhook, error) {
	return ask[Webhook](ctx, s, "webhooks/enable", r)
}

// DeleteWebhook implements Operations.
func (s *Socket) DeleteWebhook(ctx context.Context, r WebhookRequest) (Webhook, error) {
	return ask[Webhook](ctx, s, "webhooks/delete", r)
}

// RotateWebhookSecret implements Operations.
func (s *Socket) RotateWebhookSecret(ctx context.Context, r WebhookRequest) (Webhook, error) {
	return ask[Webhook](ctx, s, "webhooks/secret", r)
}

// TestWebhook implements Operations.
func (s *Socket) TestWebhook(ctx context.Context, r WebhookRequest) (WebhookTest, error) {
	return ask[WebhookTest](ctx, s, "webhooks/test", r)
}

// WebhookDeliveries implements Operations.
func (s *Socket) WebhookDeliveries(ctx context.Context, r WebhookRequest) ([]WebhookDelivery, error) {
	return ask[[]WebhookDelivery](ctx, s, "webhooks/deliveries", r)
}

// RetryWebhook implements Operations.
func (s *Socket) RetryWebhook(ctx context.Context, r WebhookRequest) (WebhookDelivery, error) {
	return ask[WebhookDelivery](ctx, s, "webhooks/retry", r)
}

// ReplayWebhook implements Operations.
func (s *Socket) ReplayWebhook(ctx context.Context, r WebhookRequest) (WebhookReplay, error) {
	return ask[WebhookReplay](ctx, s, "webhooks/replay", r)
}
