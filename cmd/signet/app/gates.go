package app

import (
	"crypto/rand"

	"github.com/signet-idp/signet/endpoints/pages"
	"github.com/signet-idp/signet/provider/gate"
	"github.com/signet-idp/signet/provider/token"
)

// mountDoor serves what gateways bring from the hosts that they protect.
func (s *Server) mountDoor(hosted *pages.Renderer) (*gate.Door, error) {
	cookies, err := s.Verifier.Gates()
	if err != nil {
		return nil, err
	}
	renderer, err := hosted.At(pages.GateBase)
	if err != nil {
		return nil, err
	}
	door, err := gate.NewDoor(gate.Deps{
		Issuer: s.Config.Issuer, Authority: s.OAuth, Minter: token.NewMinter(token.NewRing(s.Keys), nil),
		Access: s.Verifier, Cookies: cookies, Clock: s.Clock, Rand: rand.Reader,
	})
	if err != nil {
		return nil, err
	}
	(&pages.Gate{Renderer: renderer, Door: door, Gates: s.gates}).Mount(s.Table)
	return door, nil
}
