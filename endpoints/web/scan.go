package web

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/signet-idp/signet/provider/fault"
)

const (
	maxDepth   = 32
	maxMembers = 1024
)

// scanner walks a JSON text (RFC 8259) before encoding/json sees it and refuses
// what that package lets pass: see Decode. Beside the text it walks the shape
// of the type the text will be decoded into.
type scanner struct {
	data    []byte
	pos     int
	lenient bool     // ignore unknown members
	path    []string // of the value being read, for error messages
}

func malformed(message string) error {
	return &fault.Error{Code: fault.Invalid, Message: message, Fields: []fault.FieldError{{Message: message, Type: "json_invalid"}}}
}

func (s *scanner) document(sh *shape) error {
	if !utf8.Valid(s.data) {
		return malformed("the body is not valid UTF-8")
	}
	s.space()
	if err := s.value(sh, 0); err != nil {
		return err
	}
	s.space()
	if s.pos != len(s.data) {
		return malformed("the body holds more than one JSON value")
	}
	return nil
}

func (s *scanner) syntax() error {
	return malformed("the body is not valid JSON (byte " + strconv.Itoa(s.pos) + ")")
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) peek() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

func (s *scanner) value(sh *shape, depth int) error {
	switch c := s.peek(); {
	case c == '{':
		return s.object(sh, depth+1)
	case c == '[':
		return s.array(sh, depth+1)
	case c == '"':
		_, err := s.text()
		return err
	case c == '-', '0' <= c && c <= '9':
		return s.number()
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	default:
		return s.syntax()
	}
}

func (s *scanner) object(sh *shape, depth int) error {
	if depth > maxDepth {
		return malformed("the body is nested too deeply")
	}
	s.pos++
	var names nameSet
	for first := true; ; first = false {
		s.space()
		if s.peek() == '}' && first {
			s.pos++
			return nil
		}
		if s.peek() != '"' {
			return s.syntax()
		}
		name, err := s.text()
		if err != nil {
			return err
		}
		if !names.add(name) {
			return s.member(name, "appears more than once")
		}
		if names.len() > maxMembers {
			return malformed("an object has too many members")
		}
		inner, err := s.field(sh, name)
		if err != nil {
			return err
		}
		s.space()
		if s.peek() != ':' {
			return s.syntax()
		}
		s.pos++
		s.space()
		s.path = append(s.path, name)
		if err := s.value(inner, depth); err != nil {
			return err
		}
		s.path = s.path[:len(s.path)-1]
		s.space()
		switch s.peek() {
		case ',':
			s.pos++
		case '}':
			s.pos++
			return nil
		default:
			return s.syntax()
		}
	}
}

// field finds the shape of a member and refuses case variants and, where the
// route is strict, unknown names.
func (s *scanner) field(sh *shape, name string) (*shape, error) {
	if sh == nil {
		return nil, nil
	}
	if sh.fields == nil {
		return sh.elem, nil
	}
	if inner, ok := sh.fields[name]; ok {
		return inner, nil
	}
	for known := range sh.fields {
		if strings.EqualFold(known, name) {
			return nil, s.member(known, "must be written in exactly this case")
		}
	}
	if s.lenient {
		return nil, nil
	}
	return nil, s.member(name, "is not a known member")
}

// member is an error about a name; names of any length or kind come from
// strangers, so only plain ones are repeated.
func (s *scanner) member(name, message string) error {
	if !plainName(name) {
		name = "a member"
	}
	path := name
	for i := len(s.path) - 1; i >= 0; i-- {
		if !plainName(s.path[i]) {
			break
		}
		path = s.path[i] + "." + path
	}
	return &fault.Error{
		Code: fault.Invalid, Message: name + " " + message,
		Fields: []fault.FieldError{{Field: path, Message: message}},
	}
}

func plainName(name string) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

func (s *scanner) array(sh *shape, depth int) error {
	if depth > maxDepth {
		return malformed("the body is nested too deeply")
	}
	var inner *shape
	if sh != nil {
		inner = sh.elem
	}
	s.pos++
	for first := true; ; first = false {
		s.space()
		if s.peek() == ']' && first {
			s.pos++
			return nil
		}
		if err := s.value(inner, depth); err != nil {
			return err
		}
		s.space()
		switch s.peek() {
		case ',':
			s.pos++
		case ']':
			s.pos++
			return nil
		default:
			return s.syntax()
		}
	}
}

// text reads a string and returns its value.
func (s *scanner) text() (string, error) {
	start := s.pos
	s.pos++
	escaped := false
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			raw := s.data[start:s.pos]
			if !escaped {
				return string(raw[1 : len(raw)-1]), nil
			}
			var value string
			if err := json.Unmarshal(raw, &value); err != nil {
				return "", s.syntax()
			}
			return value, nil
		case c < 0x20:
			return "", s.syntax()
		case c == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return "", err
			}
		default:
			s.pos++
		}
	}
	return "", s.syntax()
}

func (s *scanner) escape() error {
	s.pos++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return nil
	case 'u':
	default:
		return s.syntax()
	}
	code, ok := s.hex4()
	switch {
	case !ok:
		return s.syntax()
	case code == 0:
		return malformed("a string holds a NUL character")
	case code >= 0xdc00 && code < 0xe000:
		return malformed("a string holds half a surrogate pair")
	case code >= 0xd800 && code < 0xdc00:
		if s.peek() != '\\' {
			return malformed("a string holds half a surrogate pair")
		}
		s.pos++
		if s.peek() != 'u' {
			return malformed("a string holds half a surrogate pair")
		}
		low, ok := s.hex4()
		if !ok {
			return s.syntax()
		}
		if low < 0xdc00 || low >= 0xe000 {
			return malformed("a string holds half a surrogate pair")
		}
	}
	return nil
}

// hex4 reads the four digits after the u at pos.
func (s *scanner) hex4() (uint64, bool) {
	if s.pos+5 > len(s.data) {
		return 0, false
	}
	digits := s.data[s.pos+1 : s.pos+5]
	var code uint64
	for _, c := range digits {
		switch {
		case '0' <= c && c <= '9':
			code = code<<4 | uint64(c-'0')
		case 'a' <= c && c <= 'f':
			code = code<<4 | uint64(c-'a'+10)
		case 'A' <= c && c <= 'F':
			code = code<<4 | uint64(c-'A'+10)
		default:
			return 0, false
		}
	}
	s.pos += 5
	return code, true
}

func (s *scanner) number() error {
	if s.peek() == '-' {
		s.pos++
	}
	switch c := s.peek(); {
	case c == '0':
		s.pos++
	case '1' <= c && c <= '9':
		s.digits()
	default:
		return s.syntax()
	}
	if s.peek() == '.' {
		s.pos++
		if !s.digits() {
			return s.syntax()
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if !s.digits() {
			return s.syntax()
		}
	}
	return nil
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}

func (s *scanner) literal(word string) error {
	if !strings.HasPrefix(string(s.data[s.pos:min(s.pos+len(word), len(s.data))]), word) {
		return s.syntax()
	}
	s.pos += len(word)
	return nil
}

// nameSet remembers the names of one object: a list while short, then a map.
type nameSet struct {
	list []string
	set  map[string]struct{}
}

func (n *nameSet) len() int { return max(len(n.list), len(n.set)) }

func (n *nameSet) add(name string) bool {
	if n.set != nil {
		before := len(n.set)
		n.set[name] = struct{}{}
		return len(n.set) > before
	}
	for _, have := range n.list {
		if have == name {
			return false
		}
	}
	if n.list = append(n.list, name); len(n.list) > 16 {
		n.set = make(map[string]struct{}, 2*len(n.list))
		for _, have := range n.list {
			n.set[have] = struct{}{}
		}
	}
	return true
}
