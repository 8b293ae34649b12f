package browser

import "testing"

// TestPages looks at every page, in every theme and width, as a browser, a
// screen reader and somebody without a mouse or JavaScript do.
func TestPages(t *testing.T) {
	client := newRelyingParty(t)
	provider := newProvider(t, client)
	Run(t, "pages.mjs", "IDP="+provider.URL, "CLIENT="+client.URL)
}

// TestFlows ends logins in every way the pages offer, on another origin.
func TestFlows(t *testing.T) {
	client := newRelyingParty(t)
	provider := newProvider(t, client)
	Run(t, "flows.mjs", "IDP="+provider.URL, "CLIENT="+client.URL)
}
