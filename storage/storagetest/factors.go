package storagetest

import (
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
)

func testFactors(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	u, other := insertUser(t, ctx, s), insertUser(t, ctx, s)
	totp := storage.Factor{
		ID: storage.NewID(), UserID: u.ID, Type: storage.FactorTOTP, Name: "Phone", Sealed: []byte{0, 1},
		Position: 7, CreatedAt: epoch,
	}
	key := storage.Factor{
		ID: storage.NewID(), UserID: u.ID, Type: storage.FactorWebAuthn, Sealed: []byte{2}, CredentialID: []byte("key\x00"),
		CreatedAt: epoch, VerifiedAt: epoch, LastUsedAt: epoch.Add(time.Second),
	}
	noError(t, s.InsertFactor(ctx, totp))
	noError(t, s.InsertFactor(ctx, key))
	wantError(t, s.InsertFactor(ctx, totp), storage.ErrConflict)
	twin := key
	twin.ID, twin.UserID = storage.NewID(), other.ID
	wantError(t, s.InsertFactor(ctx, twin), storage.ErrConflict) // one authenticator's key is one person's
	twin.CredentialID, twin.UserID = nil, "nobody"
	wantError(t, s.InsertFactor(ctx, twin), storage.ErrNotFound)

	noError(t, s.LockUser(ctx, u.ID))
	equal(t, must(s.UserByID(ctx, u.ID))(t), u)
	wantError(t, s.LockUser(ctx, "nobody"), storage.ErrNotFound)

	equal(t, must(s.FactorByID(ctx, u.ID, totp.ID))(t), totp)
	wantError(t, errOf(s.FactorByID(ctx, other.ID, totp.ID)), storage.ErrNotFound)
	equal(t, must(s.FactorByCredential(ctx, key.CredentialID))(t), key)
	wantError(t, errOf(s.FactorByCredential(ctx, nil)), storage.ErrNotFound)
	equal(t, must(s.FactorsOf(ctx, u.ID))(t), []storage.Factor{totp, key})
	equal(t, must(s.FactorsOf(ctx, other.ID))(t), []storage.Factor(nil))
	equal(t, must(s.CountFactors(ctx, u.ID))(t), 1) // the unconfirmed one counts for nothing
	equal(t, must(s.CountFactors(ctx, other.ID))(t), 0)

	used := totp
	used.Name, used.Sealed, used.Position, used.VerifiedAt, used.LastUsedAt = "Tablet", []byte{3}, 8, epoch, epoch
	equal(t, must(s.UpdateFactor(ctx, used, 6))(t), false)
	equal(t, must(s.UpdateFactor(ctx, used, 7))(t), true)
	equal(t, must(s.UpdateFactor(ctx, used, 7))(t), false)
	equal(t, must(s.FactorByID(ctx, u.ID, totp.ID))(t), used)
	used.CredentialID = key.CredentialID
	wantError(t, errOf(s.UpdateFactor(ctx, used, 8)), storage.ErrConflict)
	used.CredentialID = []byte("its own")
	equal(t, must(s.UpdateFactor(ctx, used, 8))(t), true)
	equal(t, must(s.FactorByCredential(ctx, used.CredentialID))(t), used)
	theirs := used
	theirs.UserID = other.ID
	equal(t, must(s.UpdateFactor(ctx, theirs, 8))(t), false)
	equal(t, must(s.CountFactors(ctx, u.ID))(t), 2)

	// Of an organization's members one has two that count, one none that does.
	o := insertOrganization(t, ctx, s)
	begun := storage.Factor{ID: storage.NewID(), UserID: other.ID, Type: storage.FactorEmail, Sealed: []byte{4}, CreatedAt: epoch}
	noError(t, s.InsertFactor(ctx, begun))
	equal(t, must(s.MembersWithFactor(ctx, o.ID))(t), int64(0))
	for _, id := range []string{u.ID, other.ID} {
		noError(t, s.PutMembership(ctx, storage.Membership{OrganizationID: o.ID, UserID: id, Roles: []string{"member"}, JoinedAt: epoch}))
	}
	equal(t, must(s.MembersWithFactor(ctx, o.ID))(t), int64(1))
	begun.VerifiedAt = epoch
	equal(t, must(s.UpdateFactor(ctx, begun, 0))(t), true)
	equal(t, must(s.MembersWithFactor(ctx, o.ID))(t), int64(2))
	equal(t, must(s.DeleteFactor(ctx, other.ID, begun.ID))(t), true)
	equal(t, must(s.MembersWithFactor(ctx, o.ID))(t), int64(1))

	equal(t, must(s.DeleteFactor(ctx, other.ID, totp.ID))(t), false)
	equal(t, must(s.DeleteFactor(ctx, u.ID, totp.ID))(t), true)
	equal(t, must(s.DeleteFactor(ctx, u.ID, totp.ID))(t), false)
	equal(t, must(s.FactorsOf(ctx, u.ID))(t), []storage.Factor{key})
	noError(t, s.EraseTraces(ctx, u.ID, u.EmailCanonical))
	equal(t, must(s.FactorsOf(ctx, u.ID))(t), []storage.Factor(nil))
}

func testBackupCodes(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	u, other := insertUser(t, ctx, s), insertUser(t, ctx, s)
	noError(t, s.ReplaceBackupCodes(ctx, u.ID, [][]byte{{1}, {2}}))
	noError(t, s.ReplaceBackupCodes(ctx, other.ID, [][]byte{{1}}))
	wantError(t, s.ReplaceBackupCodes(ctx, "nobody", [][]byte{{1}}), storage.ErrNotFound)
	equal(t, must(s.UseBackupCode(ctx, u.ID, []byte{1}))(t), true)
	equal(t, must(s.UseBackupCode(ctx, u.ID, []byte{1}))(t), false)
	equal(t, must(s.UseBackupCode(ctx, u.ID, nil))(t), false)
	equal(t, must(s.CountBackupCodes(ctx, u.ID))(t), 1)
	equal(t, must(s.CountBackupCodes(ctx, other.ID))(t), 1)
	noError(t, s.ReplaceBackupCodes(ctx, u.ID, [][]byte{{3}, {4}, {5}}))
	equal(t, must(s.UseBackupCode(ctx, u.ID, []byte{2}))(t), false)
	equal(t, must(s.CountBackupCodes(ctx, u.ID))(t), 3)
	noError(t, s.ReplaceBackupCodes(ctx, u.ID, nil))
	equal(t, must(s.CountBackupCodes(ctx, u.ID))(t), 0)
}

func testDevices(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	u, other := insertUser(t, ctx, s), insertUser(t, ctx, s)
	d := storage.Device{
		ID: storage.NewID(), UserID: u.ID, Hash: []byte("d"), Name: "Firefox on Linux", UserAgent: "Mozilla", IPAddress: "192.0.2.1",
		CreatedAt: epoch, LastSeenAt: epoch, TrustedUntil: epoch.Add(time.Hour), Expiry: epoch.Add(24 * time.Hour),
	}
	noError(t, s.PutDevice(ctx, d))
	shared := d // two people at one browser
	shared.ID, shared.UserID = storage.NewID(), other.ID
	noError(t, s.PutDevice(ctx, shared))
	nobody := d
	nobody.ID, nobody.UserID = storage.NewID(), "nobody"
	wantError(t, s.PutDevice(ctx, nobody), storage.ErrNotFound)
	equal(t, must(s.DeviceByHash(ctx, u.ID, d.Hash))(t), d)
	wantError(t, errOf(s.DeviceByHash(ctx, u.ID, []byte("e"))), storage.ErrNotFound)
	wantError(t, errOf(s.DeviceByHash(ctx, "", d.Hash)), storage.ErrNotFound)

	again := d
	again.ID, again.LastSeenAt, again.IPAddress = storage.NewID(), epoch.Add(time.Minute), "192.0.2.2"
	noError(t, s.PutDevice(ctx, again))
	again.ID = d.ID
	equal(t, must(s.DeviceByHash(ctx, u.ID, d.Hash))(t), again)
	second := d
	second.ID, second.Hash, second.TrustedUntil = storage.NewID(), []byte("e"), epoch
	noError(t, s.PutDevice(ctx, second))
	equal(t, must(s.DevicesOf(ctx, u.ID, 10))(t), []storage.Device{again, second})
	equal(t, must(s.DevicesOf(ctx, u.ID, 1))(t), []storage.Device{again})
	equal(t, must(s.CountDevices(ctx, u.ID))(t), 2)

	equal(t, must(s.DistrustDevices(ctx, u.ID, epoch))(t), int64(1))
	again.TrustedUntil = time.Time{}
	equal(t, must(s.DeviceByHash(ctx, u.ID, d.Hash))(t), again)
	equal(t, must(s.DeviceByHash(ctx, other.ID, d.Hash))(t), shared)
	equal(t, must(s.DeleteDevice(ctx, other.ID, d.ID))(t), false)
	equal(t, must(s.DeleteDevice(ctx, u.ID, d.ID))(t), true)
	equal(t, must(s.DeleteDevice(ctx, u.ID, d.ID))(t), false)
	_, err := s.Sweep(ctx, d.Expiry.Add(time.Second), 10)
	noError(t, err)
	equal(t, must(s.DevicesOf(ctx, u.ID, 10))(t), []storage.Device(nil))
}

func testMFAPolicies(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	u, o, elsewhere := insertUser(t, ctx, s), insertOrganization(t, ctx, s), insertOrganization(t, ctx, s)
	noError(t, s.PutMembership(ctx, storage.Membership{OrganizationID: o.ID, UserID: u.ID, Roles: []string{"member"}}))
	policy := func(scope, subject string) storage.MFAPolicy {
		return storage.MFAPolicy{
			Scope: scope, Subject: subject, Requirement: "required", Enforcement: []string{"login"}, Methods: []string{"totp", "webauthn"},
			GraceDays: 14, Exceptions: []string{"u1"}, Relaxes: true, Since: epoch, UpdatedAt: epoch.Add(time.Second), UpdatedBy: "admin",
		}
	}
	system, organization := policy(storage.PolicySystem, ""), policy(storage.PolicyOrganization, o.ID)
	user := policy(storage.PolicyUser, u.ID)
	user.Methods, user.Exceptions, user.Enforcement = nil, nil, nil
	for _, p := range []storage.MFAPolicy{
		system, organization, user,
		policy(storage.PolicyOrganization, elsewhere.ID), policy(storage.PolicyUser, "another"), policy(storage.PolicyUser, o.ID),
	} {
		noError(t, s.PutMFAPolicy(ctx, p))
		equal(t, must(s.MFAPolicy(ctx, p.Scope, p.Subject))(t), p)
	}
	equal(t, must(s.MFAPoliciesOf(ctx, u.ID))(t), []storage.MFAPolicy{organization, system, user})
	system.Requirement, system.Relaxes, system.UpdatedBy = "optional", false, "root"
	noError(t, s.PutMFAPolicy(ctx, system))
	equal(t, must(s.MFAPoliciesOf(ctx, "nobody"))(t), []storage.MFAPolicy{system})
	noError(t, s.DeleteMFAPolicy(ctx, user.Scope, u.ID))
	wantError(t, s.DeleteMFAPolicy(ctx, user.Scope, u.ID), storage.ErrNotFound)
	wantError(t, errOf(s.MFAPolicy(ctx, user.Scope, u.ID)), storage.ErrNotFound)
}
