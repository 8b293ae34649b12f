package shape

import (
	"net/http"

	"github.com/mileusna/useragent"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/session"
)

// Device is where a request comes from.
func Device(r *http.Request, name string) session.Device {
	d := session.Device{Name: name, UserAgent: r.UserAgent()}
	if a := web.ClientAddr(r.Context()); a.IsValid() {
		d.IPAddress = a.String()
	}
	return d
}

// DeviceInfo is what the User-Agent header says; anybody may write there what
// they like.
type DeviceInfo struct {
	Browser *string `json:"browser"`
	OS      *string `json:"os"`
	Raw     *string `json:"raw"`
}

// DeviceOf reads a User-Agent header. kind is desktop, mobile, tablet, bot, or
// nil.
func DeviceOf(header string) (info DeviceInfo, kind *string) {
	if header == "" {
		return DeviceInfo{}, nil
	}
	ua := useragent.Parse(header)
	info = DeviceInfo{Browser: named(ua.Name, ua.Version), OS: named(ua.OS, ua.OSVersion), Raw: &header}
	name := ""
	switch {
	case ua.Bot:
		name = "bot"
	case ua.Tablet:
		name = "tablet"
	case ua.Mobile:
		name = "mobile"
	case ua.Desktop:
		name = "desktop"
	}
	return info, optional(name)
}

func named(name, version string) *string {
	if name == "" || version == "" {
		return optional(name)
	}
	return optional(name + " " + version)
}
