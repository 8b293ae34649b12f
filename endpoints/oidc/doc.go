// Package oidc serves the protocol endpoints: discovery, keys, authorize,
// token, userinfo, introspection, revocation (design §11). Each handler reads
// the parameters, calls one method of provider/oauth and writes the answer; the
// hosted pages that a login walks through are in endpoints/pages.
package oidc
