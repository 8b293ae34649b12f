// Package secrets looks for credentials committed by mistake. It knows the
// shapes that are hardly ever anything else; assignments to variables with
// telling names in Go are gosec's (G101).
package secrets

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/signet-idp/signet/internal/tools/finding"
)

// shape is one kind of credential.
type shape struct {
	what    string
	pattern *regexp.Regexp
	// inTests: reported in tests too. Made-up keys and tokens are their
	// business, credentials for other people's services are not.
	inTests bool
}

func shapes() []shape {
	return []shape{
		{"a private key", regexp.MustCompile(`-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----`), false},
		{"a private JWK", regexp.MustCompile(`"d"\s*:\s*"[A-Za-z0-9_-]{40,}"`), false},
		{"a signed token", regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{20,}`), false},
		{"an AWS access key", regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`), true},
		{"a GitHub token", regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b`), true},
		{"a GitLab token", regexp.MustCompile(`\bglpat-[A-Za-z0-9_-]{20,}`), true},
		{"a Slack token", regexp.MustCompile(`\bxox[abprs]-[A-Za-z0-9-]{20,}`), true},
		{"a Google API key", regexp.MustCompile(`\bAIza[A-Za-z0-9_-]{35}\b`), true},
		{"a Twilio key", regexp.MustCompile(`\bSK[0-9a-f]{32}\b`), true},
		{"a Stripe key", regexp.MustCompile(`\b[sr]k_live_[A-Za-z0-9]{20,}`), true},
		{"a password in a URL", regexp.MustCompile(`\b(?:postgres|postgresql|redis|rediss|smtp|smtps|amqp|https?)://[^\s:/@"'` + "`" + `$<{]+:[^\s@/"'` + "`" + `$<{…%]{3,}@`), false},
	}
}

// exampleURLs are passwords of servers that exist in examples only.
var exampleURLs = regexp.MustCompile(`://[^@]*:(?:password|secret|postgres|signet|example|change-?me|user:pass)@`)

// maxFile bounds what is read: longer files are data, not places where people
// paste.
const maxFile = 2 << 20

// Check reports every line that holds the shape of a credential.
func Check(root fs.FS) ([]finding.Finding, error) {
	all := shapes()
	var found []finding.Finding
	err := finding.Walk(root, func(name string) error {
		info, err := fs.Stat(root, name)
		if err != nil {
			return fmt.Errorf("stat: %w", err)
		}
		if !info.Mode().IsRegular() || info.Size() > maxFile || path.Base(name) == "go.sum" {
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		if bytes.IndexByte(src[:min(len(src), 8000)], 0) >= 0 {
			return nil // binary
		}
		found = append(found, scan(name, string(src), all)...)
		return nil
	})
	return found, err
}

func scan(name, src string, all []shape) []finding.Finding {
	var found []finding.Finding
	test := finding.IsTest(name)
	for _, s := range all {
		if test && !s.inTests {
			continue
		}
		for _, at := range s.pattern.FindAllStringIndex(src, -1) {
			if exampleURLs.MatchString(src[at[0]:at[1]]) {
				continue
			}
			found = append(found, finding.Finding{
				Check: "secrets", Path: name, Line: 1 + strings.Count(src[:at[0]], "\n"),
				// Never the match itself: reports travel further than files.
				Text: "looks like " + s.what,
			})
		}
	}
	return found
}
