// Package mmdb writes small files in the MaxMind DB format (version 2.0), for
// tests: Write makes one of networks and what is said of each.
package mmdb

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Map is a record: values are string, float64, uint16, uint32, uint64, []string
// and Map.
type Map map[string]any

// Write makes a database of IPv6 networks, among which IPv4 is ::/96, and
// returns its path. Networks must not overlap.
func Write(tb testing.TB, networks map[string]Map) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "places.mmdb")
	if err := os.WriteFile(path, Bytes(networks), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// node has two records: 0 leads nowhere, n > 0 to node n, n < 0 to data -n-1.
type node [2]int

// Bytes is the file.
func Bytes(networks map[string]Map) []byte {
	nodes, data := []node{{}}, new(bytes.Buffer)
	for _, name := range sorted(networks) {
		prefix, at := netip.MustParsePrefix(name), data.Len()
		encode(data, networks[name])
		address, bits := prefix.Addr().As16(), prefix.Bits()
		if prefix.Addr().Is4() {
			four := prefix.Addr().As4()
			address, bits = [16]byte{}, bits+96
			copy(address[12:], four[:])
		}
		n := 0
		for i := range bits {
			side := address[i/8] >> (7 - i%8) & 1
			if i == bits-1 {
				nodes[n][side] = -at - 1
				break
			}
			if nodes[n][side] == 0 {
				nodes = append(nodes, node{})
				nodes[n][side] = len(nodes) - 1
			}
			n = nodes[n][side]
		}
	}
	var out bytes.Buffer
	for _, n := range nodes {
		for _, r := range n {
			switch {
			case r == 0:
				r = len(nodes)
			case r < 0:
				r = len(nodes) + 16 - r - 1
			}
			out.Write([]byte{byte(r >> 16), byte(r >> 8), byte(r)})
		}
	}
	out.Write(make([]byte, 16))
	out.Write(data.Bytes())
	out.WriteString("\xab\xcd\xefMaxMind.com")
	encode(&out, Map{
		"node_count": uint32(len(nodes)), "record_size": uint16(24), "ip_version": uint16(6), "database_type": "Test-City",
		"languages": []string{"en"}, "binary_format_major_version": uint16(2), "binary_format_minor_version": uint16(0),
		"build_epoch": uint64(1_767_323_045), "description": Map{"en": "places of tests"},
	})
	return out.Bytes()
}

// The types of the format.
const (
	typeString = 2
	typeDouble = 3
	typeUint16 = 5
	typeUint32 = 6
	typeMap    = 7
	typeUint64 = 9
	typeArray  = 11
)

func encode(out *bytes.Buffer, value any) {
	switch v := value.(type) {
	case string:
		control(out, typeString, len(v))
		out.WriteString(v)
	case float64:
		control(out, typeDouble, 8)
		_ = binary.Write(out, binary.BigEndian, math.Float64bits(v))
	case uint16:
		control(out, typeUint16, 2)
		_ = binary.Write(out, binary.BigEndian, v)
	case uint32:
		control(out, typeUint32, 4)
		_ = binary.Write(out, binary.BigEndian, v)
	case uint64:
		control(out, typeUint64, 8)
		_ = binary.Write(out, binary.BigEndian, v)
	case []string:
		control(out, typeArray, len(v))
		for _, s := range v {
			encode(out, s)
		}
	case Map:
		control(out, typeMap, len(v))
		for _, name := range sorted(v) {
			encode(out, name)
			encode(out, v[name])
		}
	default:
		panic(fmt.Sprintf("mmdb: no type for %T", value))
	}
}

// control writes the type and the size of what follows.
func control(out *bytes.Buffer, kind, size int) {
	first := min(size, 29)
	if size >= 29+256 {
		panic("mmdb: longer than tests need")
	}
	if kind <= typeMap {
		out.WriteByte(byte(kind<<5 | first))
	} else {
		out.Write([]byte{byte(first), byte(kind - 7)})
	}
	if first == 29 {
		out.WriteByte(byte(size - 29))
	}
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
