package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
)

// confirmFlag gives a command --yes.
func confirmFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().BoolP("yes", "y", false, "do not ask")
}

// confirm asks a person at a terminal before what cannot be taken back. Scripts
// are not asked: they know what they do.
func confirm(cmd *cobra.Command, yes bool, question string) error {
	file, isFile := cmd.InOrStdin().(*os.File)
	if yes || !isFile || !isatty.IsTerminal(file.Fd()) {
		return nil
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s [y/N] ", question)
	line, err := bufio.NewReader(file).ReadString('\n')
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if a := strings.ToLower(strings.TrimSpace(line)); a != "y" && a != "yes" {
		talk(cmd, "nothing was changed")
		return errTold
	}
	return nil
}
