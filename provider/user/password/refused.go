package password

import (
	"bufio"
	"bytes"
	"crypto/sha1" //nolint:gosec // G505: the form in which lists of breached passwords are passed around; nothing is secured by it
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/bits-and-blooms/bloom/v3"
)

// MaxRefused bounds the lines of a file of refused passwords: its filter takes
// 3.6 bytes for each, so at most 72 MB.
const MaxRefused = 20_000_000

// falseRefusals is how often a password that is not in the list is taken for
// one: whoever meets that chooses another.
const falseRefusals = 1e-6

// Refused is a set of passwords that an operator refuses, as a Bloom filter of
// their SHA-1 hashes: one in a million of other passwords is taken for one of
// them. A nil *Refused holds nothing. It is safe for concurrent use.
type Refused struct {
	filter  *bloom.BloomFilter
	entries int
	skipped int
}

// OpenRefused reads a file with one password a line, or with SHA-1 hashes of
// them in hexadecimal, which a colon and a count may follow; both may be mixed.
// Passwords are refused in any case of their letters, hashes as they are and
// where the password in lower case has them. Lines that cannot be passwords are
// skipped.
func OpenRefused(path string) (*Refused, error) {
	f, err := os.Open(path) //nolint:gosec // G304: the operator names it
	if err != nil {
		return nil, fmt.Errorf("password: refused passwords: %w", err)
	}
	defer f.Close()
	r, err := readRefused(f, MaxRefused)
	if err != nil {
		return nil, fmt.Errorf("password: refused passwords: %s: %w", path, err)
	}
	return r, nil
}

// readRefused reads the file twice: a filter must know how much it will hold.
func readRefused(f io.ReadSeeker, limit int) (*Refused, error) {
	n, err := countLines(f)
	switch {
	case err != nil:
		return nil, err
	case n > limit:
		return nil, fmt.Errorf("it has more than %d lines; take the commonest of them, or ask a range service (password.range_url)", limit)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	r := &Refused{filter: bloom.NewWithEstimates(uint(n), falseRefusals)}
	if err := eachLine(f, r.add); err != nil {
		return nil, err
	}
	if r.entries == 0 {
		return nil, errors.New("it holds no passwords; write one a line, or the SHA-1 hash of one in hexadecimal")
	}
	return r, nil
}

// countLines counts those that eachLine gives, the last one with or without an
// end.
func countLines(f io.Reader) (int, error) {
	n, buf := 1, make([]byte, 256<<10)
	for {
		read, err := f.Read(buf)
		n += bytes.Count(buf[:read], []byte{'\n'})
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// eachLine calls use with each line, without its end; one that is longer than
// any password arrives as nil.
func eachLine(f io.Reader, use func(line []byte)) error {
	in := bufio.NewReaderSize(f, 64<<10)
	for {
		line, err := in.ReadSlice('\n')
		long := false
		for errors.Is(err, bufio.ErrBufferFull) {
			long = true
			_, err = in.ReadSlice('\n')
		}
		switch line = bytes.TrimRight(line, "\r\n"); {
		case long:
			use(nil)
		case len(line) > 0:
			use(line)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *Refused) add(line []byte) {
	sum, ok := hashOf(line)
	if !ok {
		text, usable := normalize(string(line))
		if !usable {
			r.skipped++
			return
		}
		sum = sha1.Sum(bytes.ToLower(text.nfc)) //nolint:gosec // G401: see the import
	}
	r.filter.Add(sum[:])
	r.entries++
}

// hashOf reads a line that is a hash, with or without how often it was seen.
func hashOf(line []byte) (sum [sha1.Size]byte, ok bool) {
	digits, count, _ := bytes.Cut(line, []byte{':'})
	if len(digits) != hex.EncodedLen(sha1.Size) || len(bytes.Trim(count, "0123456789 ")) > 0 {
		return sum, false
	}
	_, err := hex.Decode(sum[:], digits)
	return sum, err == nil
}

// Holds says whether a password is refused.
func (r *Refused) Holds(pw string) bool {
	if r == nil {
		return false
	}
	typed, lower := sha1.Sum([]byte(pw)), sha1.Sum([]byte(strings.ToLower(pw))) //nolint:gosec // G401: see the import
	return r.filter.Test(typed[:]) || r.filter.Test(lower[:])
}

// Len is how many passwords the file held, and Skipped how many lines of it
// could be none.
func (r *Refused) Len() int { return r.entries }

// Skipped is how many lines of the file could not be passwords.
func (r *Refused) Skipped() int { return r.skipped }
