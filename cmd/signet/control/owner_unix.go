//go:build unix

package control

import (
	"io/fs"
	"os"
	"syscall"
)

// mine says whether a file is this user's.
func mine(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Getuid()
}
