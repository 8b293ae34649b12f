package keysync

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// HAProxy writes KID.pem files, and a file of configuration that names them:
// jwt_verify reads only keys that the configuration names, and only at its
// start, so a change takes a reload.
type HAProxy struct{ Dir string }

// HAProxyConfig is the name of the configuration in Dir.
const HAProxyConfig = "keys.cfg"

// Takes says what jwt_verify of HAProxy 2.5 and later knows.
func (HAProxy) Takes(algorithm string) bool {
	return strings.HasPrefix(algorithm, "ES") || strings.HasPrefix(algorithm, "RS")
}

// Put writes new keys, then the configuration, then removes old keys: at no
// moment does the configuration name a file that is not there.
func (h HAProxy) Put(_ context.Context, keys []Key) (changed bool, err error) {
	if err := os.MkdirAll(h.Dir, 0o755); err != nil { //nolint:gosec // public keys: the gateway runs as somebody else
		return false, fmt.Errorf("keysync: %w", err)
	}
	var b strings.Builder
	b.WriteString(`# Written by signet gateway sync haproxy: changes are overwritten.
# jwt_verify looks up only keys that the configuration names. Here they are named.
backend signet-keys
    mode http
    timeout connect 1s
    timeout server 1s
`)
	current := map[string]bool{}
	for _, k := range keys {
		path := filepath.Join(h.Dir, k.KID+".pem")
		current[path] = true
		fmt.Fprintf(&b, "    http-request deny if { str(),jwt_verify(%s,%s) -m int 1 }\n", k.Algorithm, path)
		did, err := replace(path, []byte(k.PEM))
		if err != nil {
			return changed, err
		}
		changed = changed || did
	}
	did, err := replace(filepath.Join(h.Dir, HAProxyConfig), []byte(b.String()))
	if err != nil {
		return changed, err
	}
	changed = changed || did
	old, err := filepath.Glob(filepath.Join(h.Dir, "*.pem"))
	if err != nil {
		return changed, fmt.Errorf("keysync: %w", err)
	}
	for _, path := range old {
		if current[path] {
			continue
		}
		if err := os.Remove(path); err != nil {
			return changed, fmt.Errorf("keysync: %w", err)
		}
		changed = true
	}
	return changed, nil
}
