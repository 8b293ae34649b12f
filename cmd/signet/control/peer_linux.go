package control

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// ErrPeer means that the other end of the socket is another user's.
var ErrPeer = errors.New("control: the other end is another user's")

// checkPeer asks the kernel who is at the other end.
func checkPeer(conn net.Conn) error {
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		return ErrPeer
	}
	raw, err := unix.SyscallConn()
	if err != nil {
		return fmt.Errorf("control: peer: %w", err)
	}
	var cred *syscall.Ucred
	var asked error
	if err := raw.Control(func(fd uintptr) {
		cred, asked = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil {
		return fmt.Errorf("control: peer: %w", err)
	}
	if asked != nil {
		return fmt.Errorf("control: peer: %w", asked)
	}
	if uid := int(cred.Uid); uid != os.Getuid() && uid != 0 {
		return fmt.Errorf("%w: %d", ErrPeer, uid)
	}
	return nil
}
