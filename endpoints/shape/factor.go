package shape

import (
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/storage"
)

// Method is a second factor of a person.
type Method struct {
	ID          string  `json:"id"`
	MethodID    string  `json:"method_id"`
	MethodType  string  `json:"method_type"`
	DeviceName  *string `json:"device_name"`
	Destination *string `json:"destination"`  // masked
	PhoneNumber *string `json:"phone_number"` // masked
	BackupEmail *string `json:"backup_email"` // masked
	IsPrimary   bool    `json:"is_primary"`
	IsVerified  bool    `json:"is_verified"`
	IsActive    bool    `json:"is_active"` // it counts
	// Synced says of a passkey that its provider keeps copies of it; null for
	// other kinds.
	Synced     *bool   `json:"synced"`
	CreatedAt  *string `json:"created_at"`
	VerifiedAt *string `json:"verified_at"`
	LastUsed   *string `json:"last_used"`
	LastUsedAt *string `json:"last_used_at"`
}

// Methods are a person's second factors.
type Methods struct {
	Methods              []Method `json:"methods"`
	HasVerifiedMethods   bool     `json:"has_verified_methods"`
	PrimaryMethod        *Method  `json:"primary_method"`
	BackupCodesRemaining int      `json:"backup_codes_remaining"`
}

// MethodOf is the shape of a factor.
func (o Options) MethodOf(m mfa.Method) Method {
	verified := !m.VerifiedAt.IsZero()
	out := Method{
		ID: m.ID, MethodID: m.ID, MethodType: m.Type, DeviceName: optional(m.Name), Destination: optional(m.Destination),
		IsPrimary: m.Primary, IsVerified: verified, IsActive: verified, CreatedAt: o.Times.Ptr(m.CreatedAt),
		VerifiedAt: o.Times.Ptr(m.VerifiedAt), LastUsed: o.Times.Ptr(m.LastUsedAt), LastUsedAt: o.Times.Ptr(m.LastUsedAt),
	}
	switch m.Type {
	case storage.FactorSMS:
		out.PhoneNumber = out.Destination
	case storage.FactorEmail:
		out.BackupEmail = out.Destination
	case storage.FactorWebAuthn:
		out.Synced = &m.Synced
	}
	return out
}

// MethodsOf is the shape of a person's factors.
func (o Options) MethodsOf(m mfa.Methods) Methods {
	out := Methods{Methods: make([]Method, 0, len(m.All)), BackupCodesRemaining: m.BackupCodes}
	for _, f := range m.All {
		one := o.MethodOf(f)
		out.Methods = append(out.Methods, one)
		out.HasVerifiedMethods = out.HasVerifiedMethods || one.IsVerified
		if one.IsPrimary {
			out.PrimaryMethod = &one
		}
	}
	return out
}
