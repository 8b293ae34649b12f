package mfa

import (
	"net/http"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

func (h *Handler) deviceRoutes() []web.Route {
	list := route("listDevices", "The devices one has signed in with, the one seen last first", http.MethodGet, "/mfa/devices", h.devices)
	list.Response, list.Items = web.TypeOf[Devices](), web.TypeOf[Device]()

	all := route("forgetDevices", "Forget all devices, and the trust in them", http.MethodDelete, "/mfa/devices", h.forgetAll)
	all.Response = web.TypeOf[Forgotten]()

	get := route("getDevice", "A device one has signed in with", http.MethodGet, "/mfa/devices/{device_id}", h.device)
	get.Response, get.Errors = web.TypeOf[Device](), bearer("REQ_003")

	forget := route("forgetDevice", "Forget a device, and the trust in it", http.MethodDelete, "/mfa/devices/{device_id}", h.forget)
	forget.Response, forget.Errors = web.TypeOf[Forgotten](), bearer("REQ_003")
	return []web.Route{list, all, get, forget}
}

// Device is a browser or program that a person has signed in with.
type Device struct {
	ID           string           `json:"id"`
	DeviceID     string           `json:"device_id"`
	UserID       string           `json:"user_id"`
	DeviceName   *string          `json:"device_name"`
	DeviceType   *string          `json:"device_type"` // desktop, mobile, tablet, bot, or null
	DeviceInfo   shape.DeviceInfo `json:"device_info"`
	UserAgent    *string          `json:"user_agent"`
	IPAddress    *string          `json:"ip_address"`
	CreatedAt    *string          `json:"created_at"`
	LastSeen     *string          `json:"last_seen"`
	LastSeenAt   *string          `json:"last_seen_at"`
	IsTrusted    bool             `json:"is_trusted"`
	TrustedUntil *string          `json:"trusted_until"` // null: a second factor is asked for
	IsCurrent    bool             `json:"is_current"`    // always false: a token does not say which device it is on
}

// Devices is the answer of GET /mfa/devices.
type Devices struct {
	Devices    []Device `json:"devices"`
	TotalCount int64    `json:"total_count"`
}

// Forgotten is the answer of DELETE /mfa/devices and, with an id, of DELETE
// /mfa/devices/{device_id}.
type Forgotten struct {
	Message   string  `json:"message"`
	DeviceID  *string `json:"device_id"`
	Success   bool    `json:"success"`
	Forgotten int     `json:"devices_forgotten"`
}

func (h *Handler) deviceOf(d storage.Device) Device {
	info, kind := shape.DeviceOf(d.UserAgent)
	seen := h.Shape.Times.Ptr(d.LastSeenAt)
	out := Device{
		ID: d.ID, DeviceID: d.ID, UserID: d.UserID, DeviceName: optional(d.Name), DeviceType: kind, DeviceInfo: info,
		UserAgent: optional(d.UserAgent), IPAddress: optional(d.IPAddress), CreatedAt: h.Shape.Times.Ptr(d.CreatedAt),
		LastSeen: seen, LastSeenAt: seen, IsTrusted: h.Now().Before(d.TrustedUntil),
	}
	if out.IsTrusted {
		out.TrustedUntil = h.Shape.Times.Ptr(d.TrustedUntil)
	}
	return out
}

// devices is GET /mfa/devices.
func (h *Handler) devices(w http.ResponseWriter, r *http.Request) error {
	by, err := person(r)
	if err != nil {
		return err
	}
	list, err := h.Factors.Devices(r.Context(), by.signedIn.UserID)
	if err != nil {
		return err
	}
	out := Devices{Devices: make([]Device, 0, len(list)), TotalCount: int64(len(list))}
	for _, d := range list {
		out.Devices = append(out.Devices, h.deviceOf(d))
	}
	return h.Shape.WriteList(w, r, web.Paging{Page: 1, Size: len(list)}, out.TotalCount, nil, out.Devices, out)
}

// device is GET /mfa/devices/{device_id}.
func (h *Handler) device(w http.ResponseWriter, r *http.Request) error {
	by, err := person(r)
	if err != nil {
		return err
	}
	list, err := h.Factors.Devices(r.Context(), by.signedIn.UserID)
	if err != nil {
		return err
	}
	for _, d := range list {
		if d.ID == r.PathValue("device_id") {
			return web.WriteJSON(w, http.StatusOK, h.deviceOf(d))
		}
	}
	return fault.New(fault.NotFound, "there is no such device")
}

// forget is DELETE /mfa/devices/{device_id}.
func (h *Handler) forget(w http.ResponseWriter, r *http.Request) error {
	by, err := person(r)
	if err != nil {
		return err
	}
	id := r.PathValue("device_id")
	if err := h.Factors.ForgetDevice(r.Context(), by.signedIn.UserID, id); err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, Forgotten{Message: "Device forgotten", DeviceID: &id, Success: true, Forgotten: 1})
}

// forgetAll is DELETE /mfa/devices.
func (h *Handler) forgetAll(w http.ResponseWriter, r *http.Request) error {
	by, err := person(r)
	if err != nil {
		return err
	}
	out := Forgotten{Message: "All devices forgotten", Success: true}
	if out.Forgotten, err = h.Factors.ForgetDevices(r.Context(), by.signedIn.UserID); err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, out)
}
