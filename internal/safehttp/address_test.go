package safehttp

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

func TestScopeOf(t *testing.T) {
	for _, tc := range []struct {
		want      scope
		addresses []string
	}{
		{public, []string{
			"1.1.1.1", "93.184.216.34", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "223.255.255.255",
			"2606:4700:4700::1111", "2a00:1450:4001::1", "2003::1", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1",
		}},
		{loopback, []string{"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"}},
		{private, []string{"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12::1", "::ffff:10.0.0.1"}},
		{forbidden, []string{
			"0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0",
			"169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "192.0.0.192", "168.63.129.16",
			"100.64.0.1", "100.127.255.255",
			"224.0.0.1", "239.255.255.250", "ff02::1", "255.255.255.255", "240.0.0.1",
			"192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "2001:db8::1", "3fff::1",
			"64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::1.1.1.1",
			"2002:7f00:1::", "2002:101:101::", "2001:0:7f00:1::", "::127.0.0.1", "::1.1.1.1", "fec0::1", "5f00::1", "4000::1",
		}},
	} {
		for _, s := range tc.addresses {
			if got := scopeOf(netip.MustParseAddr(s)); got != tc.want {
				t.Errorf("%s: scope %d, want %d", s, got, tc.want)
			}
		}
	}
	if scopeOf(netip.Addr{}) != forbidden || scopeOf(netip.MustParseAddr("2606:4700::1%eth0")) != forbidden {
		t.Error("no address, or one with a zone, is allowed")
	}
}

// TestDisguises: an IPv4 address is worth no more in IPv6 clothes.
func TestDisguises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var four [4]byte
		binary.BigEndian.PutUint32(four[:], rapid.Uint32().Draw(t, "address"))
		plain := scopeOf(netip.AddrFrom4(four))
		if mapped := scopeOf(netip.AddrFrom16(netip.AddrFrom4(four).As16())); mapped != plain {
			t.Fatalf("%v: mapped %d, plain %d", four, mapped, plain)
		}
		translated := [16]byte{0, 0x64, 0xff, 0x9b, 12: four[0], 13: four[1], 14: four[2], 15: four[3]}
		if got := scopeOf(netip.AddrFrom16(translated)); (got == public) != (plain == public) || (got != public && got != forbidden) {
			t.Fatalf("%v: translated %d, plain %d", four, got, plain)
		}
		sixToFour := [16]byte{0x20, 0x02, four[0], four[1], four[2], four[3]}
		if scopeOf(netip.AddrFrom16(sixToFour)) != forbidden {
			t.Fatalf("%v is reachable through 6to4", four)
		}
	})
}

func BenchmarkScopeOf(b *testing.B) {
	addr := netip.MustParseAddr("2606:4700:4700::1111")
	b.ReportAllocs()
	for b.Loop() {
		if scopeOf(addr) != public {
			b.Fatal("not public")
		}
	}
}
