//go:build !unix

package lite

import (
	"errors"
	"os"

	"github.com/signet-idp/signet/storage"
)

// lockFile creates the lock file exclusively. Without flock a file that a
// crash left behind has to be removed by hand.
func lockFile(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, storage.ErrLocked
	}
	if err != nil {
		return nil, err
	}
	return func() error { return errors.Join(f.Close(), os.Remove(path)) }, nil
}
