package clients

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/signet-idp/signet/provider/apply"
	"github.com/signet-idp/signet/test/harness"
)

// What installation.yaml says.
const (
	person   = "0199b6d2-5f0e-7c31-9d5f-2f3f5d0c7a11"
	email    = "alice@acme.test"
	password = "correct horse battery"
	secret   = "a:b+c%41 d&e=f/g?h"
	redirect = "https://app.example.test/callback"
	home     = "https://app.example.test/"
	api      = "https://api.acme.test"
)

// Where the installation's clients are, when a test does not run them.
var nowhere = origins{SameSite: "http://127.0.0.1:1", CrossSite: "http://localhost:1", Backchannel: "http://127.0.0.1:1/"}

// origins are the addresses at which a test's own clients listen.
type origins struct {
	SameSite, CrossSite string // of the single-page application
	Backchannel         string // where the client web hears of logouts
}

// algorithms are those that some client of the installation wants.
const algorithms = "ES256,RS256,PS256,EdDSA"

// site is an installed Signet: known by its address alone, as clients know it.
type site struct {
	*harness.Instance
	keys map[string]jose.JSONWebKey // the private keys of web-keys and robot, by algorithm
}

// everywhere runs a test against a Signet in this process, and against the built
// binary.
func everywhere(t *testing.T, test func(t *testing.T, run server)) {
	t.Parallel()
	for name, run := range map[string]server{"in process": startHere, "binary": startBinary} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, run)
		})
	}
}

// A server runs an installation until the test ends.
type server func(t *testing.T, install string) *harness.Instance

// start runs the installation of these clients.
func start(t *testing.T, o origins, run server) *site {
	t.Helper()
	keys := clientKeys(t)
	return &site{run(t, installation(t, o, keys)), keys}
}

// startHere runs a server in this process.
func startHere(t *testing.T, install string) *harness.Instance {
	t.Helper()
	in := harness.Start(t, harness.Options{Env: []string{"SIGNET_KEYS_ALGORITHMS=" + algorithms}})
	file, err := apply.Parse("installation.yaml", []byte(install))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Applier().Apply(t.Context(), file, apply.Options{}); err != nil {
		t.Fatal(err)
	}
	in.Sync(t)
	return &harness.Instance{URL: in.URL, Issuer: in.Issuer}
}

// installation is installation.yaml with its blanks filled.
func installation(t *testing.T, o origins, keys map[string]jose.JSONWebKey) string {
	t.Helper()
	text, err := os.ReadFile("installation.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var public jose.JSONWebKeySet
	for _, k := range keys {
		public.Keys = append(public.Keys, k.Public())
	}
	jwks, err := json.Marshal(public)
	if err != nil {
		t.Fatal(err)
	}
	blanks := strings.NewReplacer("${SAME_SITE}", o.SameSite, "${CROSS_SITE}", o.CrossSite, "${BACKCHANNEL}", o.Backchannel, "${JWKS}", string(jwks))
	return blanks.Replace(string(text))
}

// clientKeys makes a key for each algorithm that a client may sign with.
func clientKeys(t *testing.T) map[string]jose.JSONWebKey {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]jose.JSONWebKey{}
	for alg, key := range map[string]crypto.Signer{"ES256": ec, "RS256": rs, "EdDSA": ed} {
		keys[alg] = jose.JSONWebKey{Key: key, KeyID: "client-" + alg, Algorithm: alg, Use: "sig"}
	}
	return keys
}

// listen finds an address on which a client can listen a moment later.
func listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
