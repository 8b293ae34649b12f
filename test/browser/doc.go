// Package browser drives the hosted pages in Chromium.
//
// A test starts a server and hands its address to a script with [Run]; the
// script (lib.mjs has its tools) reports each check on a line of its own, and
// each line becomes a subtest:
//
//	browser.Run(t, "pages.mjs", "IDP="+idp.URL, "CLIENT="+client.URL)
//
// account_test.go and world.mjs do the same with a whole server, its people and
// a clock to turn.
//
// Node (20 or newer), npm and Chromium must be installed; a missing one fails
// the test. Screenshots land in test-results/browser at the module's root.
package browser
