// Package pages draws the hosted pages: sign-in, consent, sign-out, errors and
// the two pages that carry an authorization response to the client.
//
// A [Renderer] is built once with [New]; each page is one method that takes a
// status and a view and writes a complete answer, headers included. Handlers
// decide, views say what is known, templates say how it looks:
//
//	handler -> LoginView -> Renderer.Login -> templates/login.html
//	                                       -> locales/en.json (words)
//	                                       -> headers.go (CSP and its kin)
//
// Every page works without JavaScript. The one script only adds comfort, and
// the one that matters (sending a form_post page) has a button beside it.
// Everything in a view may be hostile: html/template escapes it, [clean] cuts
// it and takes out what could redraw the page around it.
package pages
