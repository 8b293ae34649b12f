package users

import (
	"net/http"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/fault"
)

// PreferencesRequest names the preferences known by name; others are kept under
// custom, and null takes one out.
type PreferencesRequest struct {
	Theme                   *string        `json:"theme"`
	Language                *string        `json:"language"`
	Timezone                *string        `json:"timezone"`
	NotificationPreferences map[string]any `json:"notification_preferences"`
	PrivacySettings         map[string]any `json:"privacy_settings"`
	EmailNotifications      *bool          `json:"email_notifications"`
	PushNotifications       *bool          `json:"push_notifications"`
	PrivacyLevel            *string        `json:"privacy_level"`
	Custom                  map[string]any `json:"custom"`
}

// Preferences are a person's, some of them by name.
type Preferences struct {
	UserID                  string         `json:"user_id"`
	Theme                   *string        `json:"theme"`
	Language                *string        `json:"language"`
	Timezone                *string        `json:"timezone"`
	NotificationPreferences map[string]any `json:"notification_preferences"`
	PrivacySettings         map[string]any `json:"privacy_settings"`
	Preferences             map[string]any `json:"preferences"` // all of them
	UpdatedAt               *string        `json:"updated_at"`
}

// preferences is PATCH /users/{user_id}/preferences.
func (h *Handler) preferences(w http.ResponseWriter, r *http.Request) error {
	ctx, c := r.Context(), shape.CallerOf(r.Context())
	u, err := h.fully(r)
	if err != nil {
		return err
	}
	source := "self"
	if c.Service || c.ID != u.ID {
		source = "admin"
		if _, err := h.mayInSystem(r, "write:system:users"); err != nil {
			return err
		}
	}
	var patch map[string]any
	if err := web.Decode(r, &patch); err != nil {
		return err
	}
	if patch == nil {
		return fault.New(fault.Invalid, "write an object of preferences")
	}
	if u, err = h.Accounts.MergePreferences(ctx, u.ID, patch, source); err != nil {
		return err
	}
	all := shape.Object(u.Profile, "preferences")
	language, timezone := shape.Text(u.Profile, "locale"), shape.Text(u.Profile, "zoneinfo")
	return web.WriteJSON(w, http.StatusOK, Preferences{
		UserID: u.ID, Theme: shape.Text(all, "theme"), Language: language, Timezone: timezone,
		NotificationPreferences: shape.Object(all, "notification_preferences"), PrivacySettings: shape.Object(all, "privacy_settings"),
		Preferences: all, UpdatedAt: h.Shapes.Times.Ptr(u.UpdatedAt),
	})
}

// mayInSystem asks for a permission in the system and returns what the caller
// holds there.
func (h *Handler) mayInSystem(r *http.Request, permission string) (access.Holder, error) {
	holder, err := h.Directory.Holder(r.Context(), shape.CallerOf(r.Context()), "")
	if err != nil {
		return holder, err
	}
	may, err := h.Directory.May(r.Context(), holder, permission)
	if err == nil && !may {
		err = fault.New(fault.Forbidden, "this needs the permission "+permission)
	}
	return holder, err
}
