package keysync

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// replace writes a file whole or not at all, and says whether it differed.
func replace(path string, content []byte) (changed bool, err error) {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
		return false, nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return false, fmt.Errorf("keysync: write %s: %w", path, err)
	}
	defer os.Remove(f.Name()) // gone already when all went well
	_, err = f.Write(content)
	mode := fs.FileMode(0o644) // public keys: the gateway runs as somebody else
	if info, statErr := os.Stat(path); statErr == nil {
		mode = info.Mode().Perm()
	}
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return false, fmt.Errorf("keysync: write %s: %w", path, err)
	}
	return true, nil
}

// FileMark is a Mark that is set while a file is there.
type FileMark string

// Set makes the file.
func (m FileMark) Set() error {
	if err := os.WriteFile(string(m), nil, 0o600); err != nil {
		return fmt.Errorf("keysync: mark: %w", err)
	}
	return nil
}

// Clear removes the file.
func (m FileMark) Clear() error {
	if err := os.Remove(string(m)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keysync: mark: %w", err)
	}
	return nil
}

// IsSet looks for the file.
func (m FileMark) IsSet() bool {
	_, err := os.Stat(string(m))
	return err == nil
}

// NoMark is for a target that takes keys at once.
type NoMark struct{}

// Set does nothing.
func (NoMark) Set() error { return nil }

// Clear does nothing.
func (NoMark) Clear() error { return nil }

// IsSet is never true.
func (NoMark) IsSet() bool { return false }
