package control

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// maxPath is what every system takes as the name of a unix socket (sun_path).
const maxPath = 103

// ErrPath means that there is no place for a socket that only this user can write to.
var ErrPath = errors.New("control: the directory for the socket is not this user's alone")

// Path is where the socket of the server on an SQLite file is: beside the file,
// or, when that name is too long for a socket, in a directory of this user's
// among the temporary files. It makes that directory.
func Path(database string) (string, error) {
	full, err := filepath.Abs(database)
	if err != nil {
		return "", fmt.Errorf("control: %w", err)
	}
	if len(full)+len(".sock") <= maxPath {
		return full + ".sock", nil
	}
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("signet-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("control: %w", err)
	}
	// Temporary files are everybody's: a stranger may have been here first.
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("control: %w", err)
	}
	if !info.IsDir() || info.Mode().Perm() != 0o700 || !mine(info) {
		return "", fmt.Errorf("%w: %s", ErrPath, dir)
	}
	sum := sha256.Sum256([]byte(full))
	return filepath.Join(dir, hex.EncodeToString(sum[:8])+".sock"), nil
}
