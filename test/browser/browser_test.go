package browser

import (
	"testing"

	"github.com/signet-idp/signet/test/harness"
)

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

// TestDocs reads the API's page of a whole server.
func TestDocs(t *testing.T) {
	in := harness.Start(t, harness.Options{})
	Run(t, "docs.mjs", "IDP="+in.URL)
}

// TestStrength types passwords on a page of a whole server.
func TestStrength(t *testing.T) {
	in := harness.Start(t, harness.Options{})
	Run(t, "strength.mjs", "IDP="+in.URL)
}
