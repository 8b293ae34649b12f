package main

import (
	"bytes"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"signet": main})
}

// TestScripts runs what a user types, with this binary.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			addr := l.Addr().String()
			_, port, _ := net.SplitHostPort(addr)
			env.Setenv("SIGNET_ADDR", addr)
			env.Setenv("SIGNET_ISSUER", "http://localhost:"+port)
			return l.Close()
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			// exits CODE COMMAND…: the command's exit code is CODE.
			"exits": func(ts *testscript.TestScript, _ bool, args []string) {
				err := ts.Exec(args[1], args[2:]...)
				code := "0"
				if err != nil {
					code = strings.TrimPrefix(err.Error(), "exit status ")
				}
				if code != args[0] {
					ts.Fatalf("%v exits %s, want %s", args[1:], code, args[0])
				}
			},
		},
	})
}

// TestEveryCommandHelps walks the tree: each command says what it is for and
// shows how it is used.
func TestEveryCommandHelps(t *testing.T) {
	var walk func(path []string, cmd *cobra.Command)
	walk = func(path []string, cmd *cobra.Command) {
		t.Run(strings.Join(path, " "), func(t *testing.T) {
			if cmd.Short == "" || cmd.Example == "" {
				t.Error("no short text, or no example")
			}
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), append(slices.Clone(path), "--help"), strings.NewReader(""), &stdout, &stderr)
			if code != 0 || stderr.Len() > 0 || !strings.Contains(stdout.String(), "Examples:") || !strings.Contains(stdout.String(), "Usage:") {
				t.Errorf("exit %d, %s%s", code, stdout.String(), stderr.String())
			}
			for line := range strings.Lines(stdout.String()) {
				if strings.Contains(line, "\t") {
					t.Errorf("a tab in %q", line)
				}
			}
		})
		for _, sub := range cmd.Commands() {
			if sub.Name() != "help" && sub.Name() != "completion" && sub.Name() != "token" {
				walk(append(slices.Clone(path), sub.Name()), sub)
			}
		}
	}
	for _, cmd := range newRoot().Commands() {
		if cmd.Name() != "token" { // has tests of its own
			walk([]string{cmd.Name()}, cmd)
		}
	}
}

func TestExitCodesOfWrongUsage(t *testing.T) {
	for _, c := range []struct {
		args string
		want string // in what is said
	}{
		{"frobnicate", `there is no command "frobnicate"`},
		{"usr list", "did you mean user?"},
		{"user", ""},
		{"user list extra", "one argument too many"},
		{"user get", "USER is missing"},
		{"user list --outptu json", "did you mean --output?"},
		{"user list -o xml", "there are table, json, yaml and jsonl"},
		{"user list --limit many", "invalid argument"},
		{"apply", "--file is missing"},
		{"user create a@b.test --password-stdin --no-password", "exclude each other"},
		{"client create --public --auth-method client_secret_basic", "exclude each other"},
	} {
		t.Run(c.args, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), strings.Fields(c.args), strings.NewReader(""), &stdout, &stderr)
			if c.want == "" { // a parent alone shows its help
				if code != 0 || stdout.Len() == 0 {
					t.Errorf("exit %d, %q", code, stdout.String())
				}
				return
			}
			if code != exitUsage || !strings.Contains(stderr.String(), c.want) || !strings.Contains(stderr.String(), "--help") || stdout.Len() > 0 {
				t.Errorf("exit %d, stdout %q, stderr %q", code, stdout.String(), stderr.String())
			}
		})
	}
}
