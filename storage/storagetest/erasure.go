package storagetest

import (
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
)

// testErasure: what rows beside the account say of a person goes, and of nobody
// else.
func testErasure(t *testing.T, replicas []Store) {
	ctx, s := t.Context(), replicas[0]
	gone, other := insertUser(t, ctx, s), insertUser(t, ctx, s)
	org := insertOrganization(t, ctx, s)
	for i, u := range []storage.User{gone, other} {
		n := byte(i)
		noError(t, s.InsertLink(ctx, storage.Link{ID: storage.NewID(), Purpose: "reset_password", UserID: u.ID, Hash: []byte{1, n}, CreatedAt: epoch, Expiry: epoch.Add(time.Hour)}))
		noError(t, s.InsertMessage(ctx, storage.Message{ID: storage.NewID(), Channel: "email", UserID: u.ID, Sealed: []byte{n}, DueAt: epoch, CreatedAt: epoch, Expiry: epoch.Add(time.Hour)}))
		noError(t, s.PutConsent(ctx, storage.Consent{UserID: u.ID, ClientID: "web", Scope: []string{"openid"}, CreatedAt: epoch, UpdatedAt: epoch}))
		noError(t, s.InsertSession(ctx, storage.Session{
			ID: storage.NewID(), UserID: u.ID, Kind: storage.SessionJSON, DeviceName: "Laptop", UserAgent: "Agent", IPAddress: "192.0.2.1",
			CreatedAt: epoch, IdleExpiry: epoch.Add(time.Hour), Expiry: epoch.Add(time.Hour),
		}))
		noError(t, s.InsertInvitation(ctx, storage.Invitation{
			ID: storage.NewID(), OrganizationID: org.ID, Email: u.Email, EmailCanonical: u.EmailCanonical, Roles: []string{"member"},
			Hash: []byte{2, n}, InvitedBy: other.ID, CreatedAt: epoch, SentAt: epoch, Expiry: epoch.Add(time.Hour),
		}))
	}
	// One sent to an address that the person had before.
	former := storage.Invitation{
		ID: storage.NewID(), OrganizationID: org.ID, Email: "former@acme.test", EmailCanonical: "former@acme.test", Roles: []string{"member"},
		Hash: []byte{3}, InvitedBy: other.ID, CreatedAt: epoch, SentAt: epoch, Expiry: epoch.Add(time.Hour),
	}
	noError(t, s.InsertInvitation(ctx, former))
	_, err := s.AcceptInvitation(ctx, former.ID, gone.ID, epoch)
	noError(t, err)

	for range 2 { // as often as one likes
		noError(t, s.EraseTraces(ctx, gone.ID, gone.EmailCanonical))
	}
	for range 2 {
		noError(t, s.Scrub(ctx))
	}
	left := func(u storage.User) (links, consents, invitations int, agents string) {
		if _, err := s.OpenLink(ctx, u.ID, "reset_password", epoch); err == nil {
			links++
		}
		list, err := s.ConsentsOf(ctx, u.ID)
		noError(t, err)
		if _, err := s.StandingInvitation(ctx, org.ID, u.EmailCanonical); err == nil {
			invitations++
		}
		sessions, err := s.SessionsOf(ctx, u.ID, 10)
		noError(t, err)
		for _, x := range sessions {
			agents += x.DeviceName + x.UserAgent + x.IPAddress
		}
		return links, len(list), invitations, agents
	}
	if links, consents, invitations, agents := left(gone); links+consents+invitations != 0 || agents != "" {
		t.Errorf("left of the erased: %d links, %d consents, %d invitations, devices %q", links, consents, invitations, agents)
	}
	if links, consents, invitations, agents := left(other); links+consents+invitations != 3 || agents == "" {
		t.Errorf("left of the other: %d links, %d consents, %d invitations, devices %q", links, consents, invitations, agents)
	}
	if _, err := s.InvitationByHash(ctx, former.Hash); err == nil {
		t.Error("the invitation to a former address is still there")
	}
	n, err := s.CountMessages(ctx)
	noError(t, err)
	equal(t, n, int64(1))
}
