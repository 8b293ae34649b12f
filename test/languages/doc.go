// Package languages tests the verifiers that Signet has in other languages than
// Go: the packages gateway/python and gateway/typescript.
//
//	python_test.go      gateway/python: its own tests, its types, its wheel
//	typescript_test.go  gateway/typescript: the same, and its archive
//
// Their own tests hold them to the vectors in gateway/testdata, which the Go
// package passes too. Packages come from the lock files: Python's into an
// environment in the user's cache, Node's into node_modules.
package languages
