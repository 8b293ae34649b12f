package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/signet-idp/signet/cmd/signet/app"
	"github.com/signet-idp/signet/cmd/signet/config"
	"github.com/signet-idp/signet/cmd/signet/control"
	"github.com/signet-idp/signet/provider/apply"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// The exit codes.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitDenied      = 4
	exitUnavailable = 5
)

// usageError: the command line itself is wrong.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// errTold: the command failed and has said all there is to say.
var errTold = errors.New("told")

func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[*config.Error](err); ok || strings.HasPrefix(err.Error(), "unknown command ") {
		return exitUsage
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return exitOfFault(f.Code)
	}
	switch {
	case errors.Is(err, app.ErrMasterKey):
		return exitUsage
	case errors.Is(err, fs.ErrPermission), errors.Is(err, control.ErrPeer):
		return exitDenied
	case errors.Is(err, storage.ErrNotFound):
		return exitNotFound
	case errors.Is(err, storage.ErrUnavailable), errors.Is(err, storage.ErrLocked), errors.Is(err, control.ErrNoServer),
		errors.Is(err, context.DeadlineExceeded):
		return exitUnavailable
	}
	return exitFailed
}

func exitOfFault(code fault.Code) int {
	switch code {
	case fault.Invalid, fault.Malformed, fault.TooLarge, fault.WeakPassword, fault.BreachedPassword:
		return exitUsage
	case fault.NotFound, fault.UserNotFound, fault.OrganizationNotFound, fault.NotMember:
		return exitNotFound
	case fault.Forbidden, fault.Unauthenticated, fault.InsufficientScope:
		return exitDenied
	case fault.Unavailable:
		return exitUnavailable
	}
	return exitFailed
}

// explain says what went wrong and what to do next.
func explain(w io.Writer, cmd *cobra.Command, err error) {
	if errors.Is(err, errTold) {
		return
	}
	var b strings.Builder
	file, isFile := errors.AsType[*apply.Error](err)
	f, isFault := errors.AsType[*fault.Error](err)
	switch {
	case isFile:
		b.WriteString(file.Error() + "\n")
		fmt.Fprintf(&b, "signet: nothing was applied; %d to correct\n", len(file.Problems))
	case isFault:
		message := f.Message
		if message == "" {
			message = err.Error()
		}
		fmt.Fprintf(&b, "signet: %s\n", message)
		for _, field := range f.Fields {
			if field.Message != f.Message {
				fmt.Fprintf(&b, "  %s: %s\n", field.Field, field.Message)
			}
		}
	default:
		fmt.Fprintf(&b, "signet: %s\n", strings.ReplaceAll(err.Error(), "\n\t", "\n  "))
	}
	if hint := hint(cmd, err); hint != "" {
		b.WriteString(hint + "\n")
	}
	_, _ = io.WriteString(w, b.String())
}

// hint is the next thing to do.
func hint(cmd *cobra.Command, err error) string {
	_, isUsage := errors.AsType[usageError](err)
	_, isConfig := errors.AsType[*config.Error](err)
	switch {
	case isUsage || strings.HasPrefix(err.Error(), "unknown command "):
		return fmt.Sprintf("See '%s --help'.", cmd.CommandPath())
	case isConfig:
		return "See 'signet config docs' for every setting."
	case errors.Is(err, storage.ErrLocked):
		return "Another process has the database open and does not answer on its control socket: stop it, or wait until it is ready."
	case errors.Is(err, storage.ErrSchemaTooNew):
		return "Use the binary that migrated the database, or a newer one."
	case errors.Is(err, storage.ErrUnavailable) && cmd.Name() != "healthcheck":
		return "Check the database with 'signet doctor'."
	}
	return ""
}

// flagError makes a wrong flag a usage error with a suggestion.
func flagError(cmd *cobra.Command, err error) error {
	text := err.Error()
	name, unknown := strings.CutPrefix(text, "unknown flag: --")
	if !unknown {
		return usageError{err}
	}
	best, distance := "", 3
	visit := func(f *pflag.Flag) {
		if d := editDistance(name, f.Name); d < distance && !f.Hidden {
			best, distance = f.Name, d
		}
	}
	cmd.Flags().VisitAll(visit)
	cmd.InheritedFlags().VisitAll(visit)
	if best != "" {
		return usagef("unknown flag --%s; did you mean --%s?", name, best)
	}
	return usagef("unknown flag --%s", name)
}

// editDistance counts the letters to insert, drop or change between two words.
func editDistance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
