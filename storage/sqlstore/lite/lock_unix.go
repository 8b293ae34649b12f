//go:build unix

package lite

import (
	"errors"
	"os"
	"syscall"

	"github.com/signet-idp/signet/storage"
)

// lockFile takes an advisory lock that the system gives back when the process
// ends, however it ends. The file stays: removing it would let two processes
// lock two files of one name.
func lockFile(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = storage.ErrLocked
		}
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
}
