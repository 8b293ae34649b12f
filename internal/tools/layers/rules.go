package layers

// rule says what the packages below one folder may import. The first rule that
// matches a package, longest folder first, is the only one that applies.
type rule struct {
	// in is a folder of the module; the rule covers it and what is below.
	in string
	// only is an "in" that excludes the packages below.
	only bool
	// ours lists the folders of this module that may be imported. A folder
	// that ends in "/..." stands for itself and all below.
	ours []string
	// foreign lists the third-party modules that have their home here. Modules
	// that no rule names may be imported anywhere.
	foreign []string
	// closed: foreign and the standard library are all there is.
	closed bool
}

// Third parties with one home; see docs/architecture.md.
const (
	fosite = "github.com/ory"
	mux    = "github.com/gorilla/mux"
	cors   = "github.com/rs/cors"
	kafka  = "github.com/twmb/franz-go"
	gomail = "github.com/wneessen/go-mail"
	authn  = "github.com/go-webauthn"
	pgx    = "github.com/jackc/pgx"
	otelPG = "github.com/exaring/otelpgx"
	sqlite = "modernc.org/sqlite"
	redis  = "github.com/redis/go-redis"
	goose  = "github.com/pressly/goose"
	stdSQL = "database/sql"
	jose4  = "github.com/go-jose/go-jose/v4"
	jose3  = "github.com/go-jose/go-jose/v3"
	cobra  = "github.com/spf13/cobra"
	koanf  = "github.com/knadh/koanf"
)

// homeless modules are in go.mod for tests or for a dependency's sake.
func homeless() []string {
	return []string{
		jose3, "math/rand", "github.com/pkg/errors", "github.com/sirupsen/logrus",
		"github.com/alicebob/miniredis", "pgregory.net/rapid", "github.com/google/go-cmp", "testing",
		"github.com/getkin/kin-openapi", "github.com/santhosh-tekuri/jsonschema",
		"github.com/emersion",
	}
}

// rules is the map of docs/architecture.md: cmd > endpoints > provider >
// storage < sqlstore, volatile; keys beside provider and below it.
func rules() []rule {
	const anyInternal = "internal/..."
	return []rule{
		{in: "cmd", ours: []string{"cmd/...", "endpoints/...", "provider/...", "keys/...", "storage/...", "migrations", anyInternal, "gateway/..."}, foreign: []string{cobra, koanf}},
		{in: "endpoints", ours: []string{"endpoints/...", "provider/...", "keys", "storage", "storage/volatile", anyInternal}, foreign: []string{mux, cors}},
		{in: "provider/oauth", ours: []string{"provider/...", "keys", "storage", "storage/volatile", anyInternal}, foreign: []string{fosite}},
		{in: "provider/event", ours: []string{"provider/...", "keys", "storage", "storage/volatile", anyInternal}, foreign: []string{kafka}},
		{in: "provider/notify", ours: []string{"provider/...", "keys", "storage", "storage/volatile", anyInternal}, foreign: []string{gomail}},
		{in: "provider/mfa/passkey", ours: []string{"provider/...", "keys", "storage", "storage/volatile", anyInternal}, foreign: []string{authn}},
		{in: "provider", ours: []string{"provider/...", "keys", "storage", "storage/volatile", anyInternal}},
		{in: "keys", ours: []string{"keys/...", "storage", "storage/volatile", anyInternal}},
		{in: "storage", only: true, ours: []string{anyInternal}},
		{in: "storage/volatile", only: true, ours: []string{"storage", anyInternal}},
		{in: "storage", ours: []string{"storage/...", "migrations", anyInternal}, foreign: []string{pgx, otelPG, sqlite, redis, goose, stdSQL}},
		{in: "migrations"},
		// The public package that gateways embed must stay tiny.
		{in: "gateway", ours: []string{"gateway/..."}, foreign: []string{jose4}, closed: true},
		// Used by all layers, uses none.
		{in: "internal", ours: []string{anyInternal}},
	}
}

// exempt folders are no part of the product: they may import everything.
func exempt() []string { return []string{"internal/testkit", "internal/tools", "test"} }
