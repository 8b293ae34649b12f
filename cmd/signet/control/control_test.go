package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-idp/signet/provider/apply"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// answers is an Operations that fails as told; what it embeds is never called.
type answers struct {
	Operations
	err error
}

func (a answers) Apply(context.Context, ApplyRequest) (*apply.Report, error) { return nil, a.err }

func (a answers) GetUser(_ context.Context, r UserRequest) (User, error) {
	return User{ID: "1", Email: r.User, Roles: []string{}}, nil
}

func socket(t *testing.T, ops Operations) *Socket {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	stop, err := Serve(t.Context(), path, ops, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	s, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAnswersAndErrorsCrossTheSocket(t *testing.T) {
	file := &apply.Error{Problems: []apply.Problem{{File: "x.yaml", Line: 1, Column: 2, Path: "users[0]", Reason: "no"}}}
	weak := &fault.Error{Code: fault.Invalid, Message: "no", Fields: []fault.FieldError{{Field: "a.0", Message: "b"}}}
	for name, c := range map[string]struct {
		err  error
		same func(error) bool
	}{
		"a file's problems": {fmt.Errorf("x: %w", file), func(err error) bool {
			e, ok := errors.AsType[*apply.Error](err)
			return ok && reflect.DeepEqual(e, file)
		}},
		"a domain error": {fmt.Errorf("x: %w", weak), func(err error) bool {
			e, ok := errors.AsType[*fault.Error](err)
			return ok && e.Code == weak.Code && e.Message == weak.Message && reflect.DeepEqual(e.Fields, weak.Fields)
		}},
		"unavailable": {fmt.Errorf("x: %w", storage.ErrUnavailable), func(err error) bool { return errors.Is(err, storage.ErrUnavailable) }},
		"anything else": {errors.New("x"), func(err error) bool {
			_, coded := errors.AsType[*fault.Error](err)
			return !coded && strings.HasSuffix(err.Error(), "x")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := socket(t, answers{err: c.err})
			if _, err := s.Apply(t.Context(), ApplyRequest{}); err == nil || !c.same(err) {
				t.Errorf("got %v", err)
			}
		})
	}
	u, err := socket(t, answers{}).GetUser(t.Context(), UserRequest{User: "alice@acme.test"})
	if want := (User{ID: "1", Email: "alice@acme.test", Roles: []string{}}); err != nil || !cmp.Equal(u, want) {
		t.Errorf("got %+v, %v", u, err)
	}
}

func TestTheSocketIsTheUsersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if _, err := Dial(t.Context(), path); !errors.Is(err, ErrNoServer) {
		t.Errorf("nobody there: %v", err)
	}
	stop, err := Serve(t.Context(), path, answers{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || info.Mode().Type() != os.ModeSocket {
		t.Errorf("%v %v", info.Mode(), err)
	}
	// A server that died leaves its socket; the next one takes the place.
	again, err := Serve(t.Context(), path, answers{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), path); err != nil {
		t.Error(err)
	}
	again()
	stop()
	if _, err := Dial(t.Context(), path); !errors.Is(err, ErrNoServer) {
		t.Errorf("stopped, and there: %v", err)
	}
}

func TestPath(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	short, err := Path("/data/signet.db")
	if err != nil || short != "/data/signet.db.sock" {
		t.Errorf("%q %v", short, err)
	}
	long := "/" + strings.Repeat("a", 200) + "/signet.db"
	one, err := Path(long)
	if err != nil || len(one) > maxPath {
		t.Fatalf("%q %v", one, err)
	}
	if two, err := Path(long + "x"); err != nil || two == one {
		t.Errorf("two databases, one socket: %q %v", two, err)
	}
	// What a stranger may have prepared is not used.
	if err := os.Chmod(filepath.Dir(one), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Path(long); !errors.Is(err, ErrPath) {
		t.Errorf("a directory that others can read: %v", err)
	}
}

// Every operation has its path, and the client asks for the one the server has.
func TestClientAndServerKnowTheSameOperations(t *testing.T) {
	s := socket(t, named{})
	v := reflect.ValueOf(s)
	for i := range v.NumMethod() {
		m := v.Type().Method(i)
		args := []reflect.Value{v, reflect.ValueOf(t.Context())}
		if m.Type.NumIn() == 3 {
			args = append(args, reflect.Zero(m.Type.In(2)))
		}
		out := m.Func.Call(args)
		err, _ := out[1].Interface().(error)
		if err == nil || !strings.HasSuffix(err.Error(), "called "+m.Name) {
			t.Errorf("%s reached %v", m.Name, err)
		}
	}
}
