package apply

import (
	"context"
	"fmt"
	"slices"

	"github.com/signet-idp/signet/provider/webhook"
	"github.com/signet-idp/signet/storage"
)

// Webhook is a webhook of the system. It is found by its URL; several with one
// URL are told apart by their order.
type Webhook struct {
	URL         string   `json:"url"`
	Events      []string `json:"events"`
	Description string   `json:"description,omitempty"`
	Secret      string   `json:"secret,omitempty"`   // empty: one is made, or left as it is
	Disabled    *bool    `json:"disabled,omitempty"` // nil: left as it is
}

func (w Webhook) registration() webhook.Registration {
	return webhook.Registration{URL: w.URL, Events: w.Events, Description: w.Description, Secret: w.Secret, ManagedBy: ManagedBy}
}

func (c *check) webhooks(context.Context) error {
	for i, w := range c.file.Webhooks {
		if err := c.applier.Webhooks.Check(w.registration()); err != nil {
			c.fault(fmt.Sprintf("webhooks[%d]", i), err)
		}
	}
	return nil
}

// standing are the webhooks of the system by URL, in their order.
func (r *run) standing(ctx context.Context) (map[string][]storage.Webhook, error) {
	list, err := r.Webhooks.List(ctx, "")
	out := map[string][]storage.Webhook{}
	for _, w := range list {
		out[w.URL] = append(out[w.URL], w)
	}
	return out, err
}

// webhooks brings the webhooks of the system to what the file says. The last step
// of pruning is here, since a webhook has no name: those that the file did not
// mean are what is left.
func (r *run) webhooks(ctx context.Context) error {
	if len(r.file.Webhooks) == 0 && !r.options.Prune {
		return nil
	}
	left, err := r.standing(ctx)
	if err != nil {
		return err
	}
	var missing []int
	for i, w := range r.file.Webhooks {
		same := left[w.URL]
		if len(same) == 0 {
			missing = append(missing, i)
			continue
		}
		left[w.URL] = same[1:]
		if err := r.at("webhooks", i, r.updateWebhook(ctx, w, same[0])); err != nil {
			return err
		}
	}
	if r.options.Prune {
		if err := r.pruneWebhooks(ctx, left); err != nil {
			return err
		}
	}
	for _, i := range missing { // when there is room
		if err := r.at("webhooks", i, r.newWebhook(ctx, r.file.Webhooks[i])); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) newWebhook(ctx context.Context, w Webhook) error {
	made, secret, err := r.Webhooks.Create(ctx, "", w.registration())
	if err != nil {
		return err
	}
	r.done(Created, "webhook", w.URL, nil)
	if w.Secret == "" {
		r.report.Objects[len(r.report.Objects)-1].Secret = secret
	}
	if w.Disabled != nil && *w.Disabled {
		_, err = r.Webhooks.Update(ctx, "", made.ID, webhook.Patch{Enabled: new(bool)})
	}
	return err
}

func (r *run) updateWebhook(ctx context.Context, w Webhook, there storage.Webhook) error {
	patch, members := webhook.Patch{}, []string(nil)
	if there.Description != w.Description {
		patch.Description, members = &w.Description, append(members, "description")
	}
	if w.Disabled != nil && *w.Disabled != (there.Status == storage.WebhookDisabled) {
		enabled := !*w.Disabled
		patch.Enabled, members = &enabled, append(members, "disabled")
	}
	events, err := webhook.Filters(w.Events)
	if err != nil {
		return err
	}
	if !slices.Equal(there.Events, events) {
		patch.Events, members = &w.Events, append(members, "events")
	}
	if len(members) > 0 {
		if _, err := r.Webhooks.Update(ctx, "", there.ID, patch); err != nil {
			return err
		}
	}
	if w.Secret != "" {
		changed, err := r.Webhooks.SetSecret(ctx, there.ID, w.Secret)
		if err != nil {
			return err
		}
		if changed {
			members = append(members, "secret")
		}
	}
	r.done(Updated, "webhook", w.URL, members)
	return nil
}

func (r *run) pruneWebhooks(ctx context.Context, left map[string][]storage.Webhook) error {
	var gone []storage.Webhook
	for _, list := range left {
		gone = append(gone, slices.DeleteFunc(list, func(w storage.Webhook) bool { return w.ManagedBy != ManagedBy })...)
	}
	slices.SortFunc(gone, func(a, b storage.Webhook) int { return a.CreatedAt.Compare(b.CreatedAt) })
	for _, w := range gone {
		if err := r.Webhooks.Delete(ctx, "", w.ID, "pruned"); err != nil {
			return err
		}
		r.done(Deleted, "webhook", w.URL, nil)
	}
	return nil
}

func (a *Applier) exportWebhooks(ctx context.Context, f *File) error {
	list, err := a.Webhooks.List(ctx, "")
	for _, w := range list {
		out := Webhook{URL: w.URL, Events: w.Events, Description: w.Description}
		if w.Status == storage.WebhookDisabled {
			disabled := true
			out.Disabled = &disabled
		}
		f.Webhooks = append(f.Webhooks, out)
	}
	return err
}
