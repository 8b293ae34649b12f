package mfa

import (
	"crypto/rand"
	"fmt"
	"io"
	"math/big"
	"strings"

	"github.com/signet-idp/signet/keys"
)

// Of the codes by mail and text message.
const (
	sentDigits = 6
	sentSpace  = 1_000_000
)

func (s *Service) newCode() (string, error) {
	n, err := rand.Int(s.Rand, big.NewInt(sentSpace))
	if err != nil {
		return "", fmt.Errorf("mfa: code: %w", err)
	}
	return fmt.Sprintf("%0*d", sentDigits, n), nil
}

// Of the backup codes: two groups of five letters and digits, 50 bits.
const (
	backupCodes  = 10
	backupGroup  = 5
	backupLength = 2 * backupGroup
	// Crockford's base 32: nothing that is easily taken for something else.
	backupAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"
)

func (s *Service) newBackupCodes() (codes []string, err error) {
	for range backupCodes {
		raw := make([]byte, backupLength)
		if _, err := io.ReadFull(s.Rand, raw); err != nil {
			return nil, fmt.Errorf("mfa: backup codes: %w", err)
		}
		for i := range raw {
			raw[i] = backupAlphabet[raw[i]%32]
		}
		codes = append(codes, string(raw[:backupGroup])+"-"+string(raw[backupGroup:]))
	}
	return codes, nil
}

// typed makes one form of what people type: without spaces and hyphens, in
// lower case.
func typed(code string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\t' || r == '\u00a0' {
			return -1
		}
		return r
	}, code))
}

// backupTyped is typed with the letters that Crockford reads as digits.
func backupTyped(code string) string {
	return strings.NewReplacer("o", "0", "i", "1", "l", "1").Replace(typed(code))
}

func backupData(userID, code string) []byte {
	return keys.Binding("factors", "backup code", userID, code)
}

func codeData(challengeID, code string) []byte {
	return keys.Binding("factors", "code", challengeID, code)
}
