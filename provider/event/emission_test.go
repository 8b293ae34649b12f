package event_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/signet-idp/signet/provider/event"
)

// toCome are the types of what is not built yet. One that is emitted leaves the
// list.
func toCome() map[event.Type]string {
	return map[event.Type]string{
		event.FederationLinked:   "outward logins",
		event.FederationUnlinked: "outward logins",
		event.SCIMSynced:         "directories that write accounts",
	}
}

// stateMethods are the methods of the storage that change what somebody may ask
// about afterwards: whoever calls one records an event.
func stateMethods() []string {
	return strings.Fields(`
		InsertClient UpdateClient DeleteClient PutClientSecret DeleteClientSecret PutResource DeleteResource PutGate DeleteGate
		InsertFactor DeleteFactor ReplaceBackupCodes UseBackupCode PutMFAPolicy DeleteMFAPolicy
		InsertGrant RevokeGrant RevokeGrantsOfSession RevokeGrantsOfUser RevokeGrantsOfUserClient RevokeGrantsOfClient
		InsertInvitation RenewInvitation AcceptInvitation RevokeInvitation RevokeInvitationsOf
		InsertDomain VerifyDomain DeleteDomain ReplaceKeyRing InsertOrganization UpdateOrganization
		PutMembership DeleteMembership PutSystemRoles PutRole DeleteRole ResetFeed EndSurviving InsertSession EndSession EndSessionsOf EndGrantsOf
		PutConsent DeleteConsent InsertUser UpdateUser EraseTraces
		InsertWebhook UpdateWebhook DeleteWebhook PruneEvents InsertHold DeleteHold`)
}

// quietMethods change nothing that is an event (design §8), each for its reason.
func quietMethods() map[string]string {
	return map[string]string{
		"UpdateFactor": "its last use, a counter", "SetPasswordHash": "the same password under today's parameters",
		"TouchLogin": "told by user.login", "TouchSession": "its last use", "Reauthenticate": "told by user.login",
		"ReauthenticateGrant": "told by user.login", "StepGrant": "ordinary rotation", "UseCode": "told by grant.created",
		"LockUser": "a lock of the row", "GuardOrganization": "a lock of the row", "GuardHolds": "a lock of the row", "GuardWebhooks": "a lock of a row", "ReassignInvitation": "who asked is gone",
		"PutUserTerms": "an index", "UseOnce": "a nonce", "BumpConfiguration": "a version", "AppendRevocation": "the feed, beside an event",
		"PutDevice": "told by user.login", "DeleteDevice": "of a session that ends", "DistrustDevices": "beside what ends sessions",
		"PutLoginTransaction": "a login in progress", "ConsumeLoginTransaction": "a login in progress",
		"InsertLink": "told by what was sent", "OpenLink": "a look", "TryLink": "a counter", "UseLink": "told by what follows", "VoidLinks": "told by what follows",
		"BeginIdempotent": "an answer", "FinishIdempotent": "an answer", "DropIdempotent": "an answer",
		"InsertMessage": "told by what it tells of", "TakeMessages": "a queue", "PostponeMessage": "a queue", "DeleteMessage": "a queue",
		"DeleteMessagesOf":     "beside user.erased",
		"InsertLogoutDelivery": "a queue", "TakeLogoutDeliveries": "a queue", "PostponeLogoutDelivery": "a queue", "DeleteLogoutDelivery": "a queue",
		"InsertEvents": "the record", "SequenceEvents": "the record", "PutPersonKey": "the record", "DeletePersonKey": "beside user.erased",
		"InsertDataKey": "sealing", "UpdateDataKey": "sealing", "ReplaceSealedValue": "sealing", "AddRollups": "counts", "ClearRollups": "counts", "CopyRollups": "counts", "ClearPresences": "counts", "MarkPresent": "counts", "ForgetPresences": "counts", "MoveEventCursor": "a cursor",
		"ParkEvents": "a queue", "PutOffParkedEvent": "a queue", "HastenParkedEvents": "a queue", "UnparkEvent": "a queue",
		"InsertWebhookDeliveries": "a queue", "TakeWebhookDeliveries": "a queue", "SettleWebhookDelivery": "a queue",
		"AcquireLease": "a lease", "ReleaseLease": "a lease",
	}
}

// elsewhere are functions whose change is told of where the test does not look,
// or is none yet.
func elsewhere() map[string]string {
	return map[string]string{
		"provider/mfa.Setup": "the factor counts, and is told of, when it is confirmed",
		"provider/mfa.room":  "factors that were never confirmed",
		"keys.write":         "Options.Commit, in the same transaction: app.Core.commitKey",
	}
}

// function is one function of the product, as far as events go.
type function struct {
	pkg, name string
	records   bool     // calls Record
	changes   []string // state methods that it calls
	calls     []string // names of what it calls
	emits     []string // constants of types in places that say what happened
}

// functions reads the product's sources: everything above the storage.
func functions(t *testing.T) []function {
	t.Helper()
	var out []function
	for _, root := range []string{"../../provider", "../../cmd", "../../endpoints", "../../keys"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
				strings.Contains(path, "provider/event") || strings.HasSuffix(filepath.Dir(path), "test") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
					out = append(out, readFunction(filepath.Dir(path), f))
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func readFunction(pkg string, f *ast.FuncDecl) function {
	out := function{pkg: pkg, name: f.Name.Name}
	emit := func(e ast.Expr) {
		if s, ok := e.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == "event" {
				out.emits = append(out.emits, s.Sel.Name)
			}
		}
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr: // event.Event{Type: …}
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Type" {
				emit(n.Value)
			}
		case *ast.AssignStmt: // e.Type = …, kind := …
			for _, e := range n.Rhs {
				emit(e)
			}
		case *ast.CallExpr:
			for _, e := range n.Args {
				emit(e)
			}
			name := ""
			switch called := n.Fun.(type) {
			case *ast.Ident:
				name = called.Name
			case *ast.SelectorExpr:
				name = called.Sel.Name
				if slices.Contains(stateMethods(), name) && isStore(called.X) {
					out.changes = append(out.changes, name)
				}
			}
			out.records = out.records || name == "Record"
			out.calls = append(out.calls, name)
		}
		return true
	})
	return out
}

// isStore tells a method of the storage from one of a service with its name, by
// the name of what it is called on.
func isStore(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return strings.EqualFold(e.Name, "store")
	case *ast.SelectorExpr:
		return strings.EqualFold(e.Sel.Name, "store")
	}
	return false
}

// TestEveryTypeIsEmitted fails on a type of the catalogue that no code records.
func TestEveryTypeIsEmitted(t *testing.T) {
	t.Parallel()
	emitted := map[string]bool{}
	for _, f := range functions(t) {
		for _, name := range f.emits {
			emitted[name] = true
		}
	}
	for name, typ := range constants(t) {
		reason, later := toCome()[typ]
		switch {
		case later && emitted[name]:
			t.Errorf("%s is recorded by now: take it from toCome", typ)
		case !later && !emitted[name]:
			t.Errorf("%s is in the catalogue and nothing records it", typ)
		case later && reason == "":
			t.Errorf("%s: say what it waits for", typ)
		}
	}
}

// constants are the types by the names of their constants.
func constants(t *testing.T) map[string]event.Type {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "types.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]event.Type{}
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			if lit, ok := v.Values[0].(*ast.BasicLit); ok {
				out[v.Names[0].Name] = event.Type(strings.Trim(lit.Value, `"`))
			}
		}
		return true
	})
	return out
}

// TestEveryChangeIsEmitted fails on a function that changes state where neither
// it, nor what it calls, nor whoever calls it in its package records an event.
func TestEveryChangeIsEmitted(t *testing.T) {
	t.Parallel()
	packages := map[string][]function{}
	changing := 0
	for _, f := range functions(t) {
		packages[f.pkg] = append(packages[f.pkg], f)
	}
	for pkg, list := range packages {
		tells := tellers(list)
		for _, f := range list {
			if len(f.changes) == 0 {
				continue
			}
			changing++
			name := strings.TrimPrefix(pkg, "../../") + "." + f.name
			_, excepted := elsewhere()[name]
			switch tells := covered(list, tells, f.name, map[string]bool{}); {
			case !tells && !excepted:
				t.Errorf("%s calls %s and no event tells of it", name, strings.Join(f.changes, ", "))
			case tells && excepted:
				t.Errorf("%s is told of by now: take it from elsewhere", name)
			}
		}
	}
	if changing < 40 { // else the test has lost sight of the product
		t.Errorf("only %d functions change state", changing)
	}
}

// tellers are the functions that record, themselves or by what they call.
func tellers(list []function) map[string]bool {
	tells := map[string]bool{}
	for again := true; again; {
		again = false
		for _, f := range list {
			if !tells[f.name] && (f.records || slices.ContainsFunc(f.calls, func(name string) bool { return tells[name] })) {
				tells[f.name], again = true, true
			}
		}
	}
	return tells
}

func covered(list []function, tells map[string]bool, name string, seen map[string]bool) bool {
	if tells[name] {
		return true
	}
	if seen[name] {
		return false
	}
	seen[name] = true
	callers := 0
	for _, f := range list {
		if slices.Contains(f.calls, name) && f.name != name {
			if callers++; !covered(list, tells, f.name, seen) {
				return false
			}
		}
	}
	return callers > 0
}

// TestStorageMethodsAreClassified fails on a method of the storage that is named
// as if it changed something and is neither state nor quiet.
func TestStorageMethodsAreClassified(t *testing.T) {
	t.Parallel()
	changing := []string{
		"Insert", "Update", "Put", "Delete", "Prune", "Set", "Replace", "Use", "Revoke", "Renew", "Accept", "Verify", "Reset", "End", "Erase", "Step",
		"Touch", "Reauthenticate", "Lock", "Guard", "Reassign", "Bump", "Append", "Distrust", "Consume", "Open", "Try", "Void", "Begin", "Finish",
		"Drop", "Take", "Postpone", "Sequence", "Add", "Clear", "Move", "ParkEvents", "Hasten", "Unpark", "Acquire", "Release",
	}
	files, err := filepath.Glob("../../storage/*.go")
	if err != nil {
		t.Fatal(err)
	}
	known := 0
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			i, ok := n.(*ast.InterfaceType)
			if !ok {
				return true
			}
			for _, m := range i.Methods.List {
				if len(m.Names) == 0 || !slices.ContainsFunc(changing, func(p string) bool { return strings.HasPrefix(m.Names[0].Name, p) }) {
					continue
				}
				name := m.Names[0].Name
				if strings.HasPrefix(name, "User") || strings.HasPrefix(name, "Pruned") { // reads, UserByID and its like
					continue
				}
				if _, quiet := quietMethods()[name]; quiet == slices.Contains(stateMethods(), name) {
					t.Errorf("%s: say whether it changes state (stateMethods) or not (quietMethods)", name)
				}
				known++
			}
			return true
		})
	}
	if known < 60 {
		t.Errorf("only %d methods", known)
	}
}
