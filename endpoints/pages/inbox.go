package pages

import (
	"net/http"
	"strings"
	"time"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/notify"
)

// PathInbox is where development shows the messages it did not send.
const PathInbox = "/dev/inbox"

// Inbox shows what was captured instead of sent. Mount it in development only:
// whoever reads it can use every link.
type Inbox struct {
	Renderer *Renderer
	// Messages lists what was captured, the newest first.
	Messages interface{ Messages() []notify.Delivery }
}

// Mount adds GET /dev/inbox, for direct connections from this machine:
//
//	?to=         only messages to this address or number
//	?format=json JSON instead of a page, as with Accept: application/json
func (i *Inbox) Mount(t *web.Table) {
	t.Add(web.Route{
		Name: "inbox", Summary: "Messages that development captured instead of sending", Methods: []string{http.MethodGet}, Path: PathInbox,
		Auth: web.Loopback(), Handler: i.show, Style: web.Page, Hidden: true, Quiet: true,
		Response: web.TypeOf[InboxView](),
	})
}

// InboxView is the list as JSON.
type InboxView struct {
	Messages []InboxMessage `json:"messages"`
}

// InboxMessage is one captured message.
type InboxMessage struct {
	ID        string   `json:"id"`
	Channel   string   `json:"channel"` // email, sms
	Kind      string   `json:"kind"`
	To        string   `json:"to"`
	Subject   string   `json:"subject"` // empty for sms
	Text      string   `json:"text"`
	HTML      string   `json:"html"`
	Links     []string `json:"links"`
	CreatedAt string   `json:"created_at"`
}

func (i *Inbox) show(w http.ResponseWriter, r *http.Request) error {
	view := i.list(r.URL.Query().Get("to"))
	w.Header().Set("Vary", "Accept")
	if r.URL.Query().Get("format") == "json" || strings.HasPrefix(r.Header.Get("Accept"), "application/json") {
		return web.WriteJSON(w, http.StatusOK, view)
	}
	return i.Renderer.Inbox(w, view)
}

func (i *Inbox) list(to string) InboxView {
	view := InboxView{Messages: []InboxMessage{}}
	for _, d := range i.Messages.Messages() {
		if to != "" && !strings.EqualFold(to, d.To) {
			continue
		}
		m := InboxMessage{
			ID: d.ID, Channel: string(d.Channel), Kind: string(d.Kind), To: d.To, Subject: d.Subject, Text: d.Text, HTML: d.HTML,
			Links: []string{}, CreatedAt: web.Timestamp(d.CreatedAt),
		}
		if d.Link != "" {
			m.Links = append(m.Links, d.Link)
		}
		view.Messages = append(view.Messages, m)
	}
	return view
}

// inboxEntry is a message as the page shows it.
type inboxEntry struct {
	InboxMessage
	Time string
	Body []inboxPart
}

// inboxPart is a stretch of text, or a link.
type inboxPart struct{ Text, Link string }

// Inbox writes the page (id inbox-page; each message is a details element with
// its address in data-to). It is in English only.
func (r *Renderer) Inbox(w http.ResponseWriter, v InboxView) error {
	var entries []inboxEntry
	for _, m := range v.Messages {
		e := inboxEntry{InboxMessage: m, Body: linked(m.Text, m.Links)}
		if at, err := time.Parse(time.RFC3339Nano, m.CreatedAt); err == nil {
			e.Time = at.Format("2 Jan 2006, 15:04:05 UTC")
		}
		entries = append(entries, e)
	}
	return r.render(w, http.StatusOK, Base{}, "inbox", page{View: entries}, headers{})
}

// linked takes the links out of a text that is to be shown with them.
func linked(text string, links []string) []inboxPart {
	var parts []inboxPart
	for _, l := range links {
		if before, after, found := strings.Cut(text, l); found {
			parts, text = append(parts, inboxPart{Text: before}, inboxPart{Link: l}), after
		}
	}
	return append(parts, inboxPart{Text: text})
}
