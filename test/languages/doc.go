// Package languages tests the verifiers that Signet has in other languages than
// Go, the packages gateway/python and gateway/typescript, and the pages of docs
// about them.
//
//	python_test.go      gateway/python: its own tests, its types, its wheel
//	typescript_test.go  gateway/typescript: the same; its archive is protect_test.go's
//	random_test.go      tokens that nobody has thought of, judged in all languages
//	protect_test.go     docs/protect-an-api.md: its programs in Go, Django, FastAPI
//	                    and Node, run as written before a server
//	react_test.go       docs/sign-in-with-react.md: its application, in Chromium
//	world_test.go       that server, and a front that can be cut
//
// Their own tests hold them to the vectors in gateway/testdata, which the Go
// package passes too. Packages come from the lock files: Python's into an
// environment in the user's cache, Node's into node_modules.
package languages
