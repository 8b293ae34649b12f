//go:build !linux

package control

import (
	"errors"
	"net"
)

// ErrPeer means that the other end of the socket is another user's.
var ErrPeer = errors.New("control: the other end is another user's")

// checkPeer relies on the mode of the socket where the kernel is not asked.
func checkPeer(net.Conn) error { return nil }
