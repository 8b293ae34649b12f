package browser

import (
	"testing"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// TestGate walks through a gate for browsers.
func TestGate(t *testing.T) {
	in := harness.Start(t, harness.Options{Env: []string{"SIGNET_TRUSTED_PROXIES=127.0.0.1/32"}})
	in.User(t, "ada@example.test", "correct horse battery")
	s := in.Site(t, "intranet")
	if _, err := in.Gates.Put(t.Context(), storage.Gate{Name: "intranet", Browser: &storage.GateBrowser{Hosts: []string{s.Host}}}); err != nil {
		t.Fatal(err)
	}
	in.Sync(t)
	Run(t, "gate.mjs", "IDP="+in.URL, "SITE="+s.URL)
}
