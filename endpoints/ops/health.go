package ops

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/signet-idp/signet/endpoints/web"
)

// Health is the body of /health, a contract with legacy clients.
type Health struct {
	Service      string            `json:"service"`
	Status       string            `json:"status"` // healthy, degraded; with 503: unavailable
	Version      string            `json:"version"`
	Mode         string            `json:"mode"`
	Database     string            `json:"database"` // connected, embedded, disconnected
	Cache        string            `json:"cache"`
	Dependencies map[string]string `json:"dependencies"`
	Timestamp    string            `json:"timestamp"`
}

// serveHealth is 503 only when nothing can be served. With the database away
// tokens are still verified, so that is "degraded".
func (p *Ops) serveHealth(w http.ResponseWriter, r *http.Request) error {
	h := Health{
		Service: p.o.Service, Status: "healthy", Version: p.o.Version, Mode: p.o.Mode,
		Database: "disconnected", Cache: "disconnected",
		Dependencies: map[string]string{}, Timestamp: web.Timestamp(p.o.Clock.Now()),
	}
	for _, c := range p.probe(r.Context()) {
		state := "connected"
		switch {
		case c.err != nil:
			state, h.Status = "disconnected", "degraded"
		case c.Embedded:
			state = "embedded"
		}
		h.Dependencies[c.Name] = state
		switch c.Name {
		case "database":
			h.Database = state
		case "cache":
			h.Cache = state
		}
	}
	status := http.StatusOK
	if !p.started.Load() || p.Draining() {
		status, h.Status = http.StatusServiceUnavailable, "unavailable"
	}
	return web.WriteJSON(w, status, h)
}

func (p *Ops) serveLive(w http.ResponseWriter, _ *http.Request) error {
	return plain(w, http.StatusOK, "ok")
}

func (p *Ops) serveStartup(w http.ResponseWriter, _ *http.Request) error {
	if !p.started.Load() {
		return plain(w, http.StatusServiceUnavailable, "starting")
	}
	return plain(w, http.StatusOK, "ok")
}

// serveReady names what fails; why is in the log. With ?verbose it lists every
// check.
func (p *Ops) serveReady(w http.ResponseWriter, r *http.Request) error {
	verbose := wantsVerbose(r.URL.RawQuery)
	var lines, failing []string
	switch { // first, and without asking anybody
	case p.Draining():
		failing = append(failing, "draining")
	case !p.started.Load():
		failing = append(failing, "starting")
	}
	if len(failing) == 0 || verbose {
		for _, c := range p.probe(r.Context()) {
			mark := "[+] " + c.Name + " ok"
			switch {
			case c.err != nil && c.Optional:
				mark = "[!] " + c.Name + " failed (optional)"
			case c.err != nil:
				mark = "[-] " + c.Name + " failed"
				failing = append(failing, c.Name)
			}
			lines = append(lines, mark)
		}
	}
	status, first := http.StatusOK, "ok"
	if len(failing) > 0 {
		status, first = http.StatusServiceUnavailable, "not ready: "+strings.Join(failing, ", ")
	}
	if p.o.ClockOffset != 0 {
		first += " (clock offset " + p.o.ClockOffset.String() + ")"
	}
	if verbose {
		lines = append(lines, first)
		return plain(w, status, strings.Join(lines, "\n"))
	}
	return plain(w, status, first)
}

func wantsVerbose(query string) bool {
	values, err := url.ParseQuery(query)
	return err == nil && values.Has("verbose") && values.Get("verbose") != "false"
}

func plain(w http.ResponseWriter, status int, text string) error {
	return web.WriteBody(w, status, "text/plain; charset=utf-8", []byte(text+"\n"))
}
