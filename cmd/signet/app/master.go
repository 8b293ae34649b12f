package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/signet-idp/signet/keys"
)

// ErrMasterKey is PostgreSQL without SIGNET_MASTER_KEY.
var ErrMasterKey = errors.New("SIGNET_MASTER_KEY is not set: with PostgreSQL it has to be given, as id:base64 of 32 bytes (head -c 32 /dev/urandom | base64)")

// master returns the master keys: the configured ones or, for SQLite, those in
// a file beside the database, made at the first start.
func (c *Core) master() (*keys.Master, error) {
	if text := string(c.Config.MasterKey); text != "" {
		return keys.ParseMaster(text)
	}
	if c.Config.Postgres() {
		return nil, ErrMasterKey
	}
	path := c.DatabasePath()
	if path == "" { // in memory: it goes with the process
		text, err := keys.GenerateMaster(rand.Reader)
		if err != nil {
			return nil, err
		}
		return keys.ParseMaster(text)
	}
	return masterBeside(path)
}

func masterBeside(database string) (*keys.Master, error) {
	file := database + ".key"
	text, err := os.ReadFile(file)
	if err == nil {
		m, err := keys.ParseMaster(strings.TrimSpace(string(text)))
		if err != nil {
			return nil, fmt.Errorf("app: master key %s: %w", file, err)
		}
		return m, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("app: master key: %w", err)
	}
	// A database without its key cannot be read: a new key would only make that
	// look like damage.
	if _, err := os.Stat(database); err == nil {
		return nil, fmt.Errorf("app: master key: %s is missing and %s exists: restore the key from your backup, set SIGNET_MASTER_KEY, or remove the database to begin anew", file, database)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("app: master key: %w", err)
	}
	fresh, err := keys.GenerateMaster(rand.Reader)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, []byte(fresh+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("app: master key: %w", err)
	}
	return keys.ParseMaster(fresh)
}

// DatabasePath is the file of an SQLite database, or "" for one in memory or
// PostgreSQL.
func (c *Core) DatabasePath() string {
	path, ok := strings.CutPrefix(string(c.Config.Database.URL), "sqlite:")
	if !ok || path == ":memory:" {
		return ""
	}
	return path
}
