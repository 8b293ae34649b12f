package mfa

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/storage"
)

// SetupRequest is the body of POST /mfa/setup.
type SetupRequest struct {
	MethodType  string `json:"method_type" required:"true" enum:"email,sms,totp,backup_codes,webauthn"`
	PhoneNumber string `json:"phone_number" doc:"For sms; left out: the account's own, if it is proven."`
	BackupEmail string `json:"backup_email" doc:"For email; left out: the account's own, if it is proven."`
	Email       string `json:"email" alias:"backup_email"`
	DeviceName  string `json:"device_name" doc:"What the person calls the factor."`
	Metadata    struct {
		Phone string `json:"phone"`
	} `json:"metadata"`
	MFAToken string `json:"mfa_token" doc:"Of a login that demands a factor; stands for the bearer token."`
}

// Material is what a new factor is made from, shown this once. Members that are
// of another kind of factor are null.
type Material struct {
	Secret          *string         `json:"secret"` // base 32
	SecretKey       *string         `json:"secret_key"`
	QRCode          *string         `json:"qr_code"`     // data URI, PNG
	QRCodeURI       *string         `json:"qr_code_uri"` // data URI, SVG
	OTPAuthURI      *string         `json:"otpauth_uri"`
	BackupCodes     *[]string       `json:"backup_codes"`
	WebAuthnOptions json.RawMessage `json:"webauthn_options" doc:"For navigator.credentials.create."`
}

// Enrolment is the answer of POST /mfa/setup. The factor counts once a right
// answer to the challenge has been sent to POST /mfa/verify.
type Enrolment struct {
	ID          string  `json:"id"`
	MethodID    string  `json:"method_id"`
	MethodType  string  `json:"method_type"`
	Status      string  `json:"status" enum:"setup_required,verification_sent,active"`
	IsVerified  bool    `json:"is_verified"`
	Destination *string `json:"destination"` // masked
	ChallengeID *string `json:"challenge_id"`
	Material
	SetupData Material `json:"setup_data"` // the same
	Message   string   `json:"message"`
	ExpiresAt *string  `json:"expires_at"`
}

// setup is POST /mfa/setup.
func (h *Handler) setup(w http.ResponseWriter, r *http.Request) error {
	var q SetupRequest
	if err := web.Decode(r, &q); err != nil {
		return err
	}
	if q.MethodType == "" {
		return missing("method_type", "say which kind of factor: email, sms, totp, webauthn or backup_codes")
	}
	web.NoStore(w)
	by, err := h.who(r, q.MFAToken)
	if err != nil {
		return err
	}
	if by.waiting == nil {
		if err := h.recent(r.Context(), by); err != nil {
			return err
		}
	}
	if q.MethodType == mfa.TypeBackupCodes && by.waiting == nil {
		return h.setupBackupCodes(w, r, by)
	}
	in := mfa.Request{Type: q.MethodType, Name: q.DeviceName, TypeField: "method_type", DestinationField: "backup_email"}
	switch q.MethodType {
	case storage.FactorEmail:
		in.Destination = q.BackupEmail
	case storage.FactorSMS:
		in.DestinationField, in.Destination = "phone_number", q.PhoneNumber
		if in.Destination == "" {
			in.Destination = q.Metadata.Phone
		}
	}
	var e mfa.Enrolment
	if by.waiting != nil {
		e, err = h.Login.EnrolJSON(r.Context(), by.waiting, by.device(r), locale(r), in)
	} else {
		e, err = h.Factors.Setup(r.Context(), by.signedIn.Holder(), in)
	}
	if err != nil {
		return h.refused(err)
	}
	out, err := h.enrolmentOf(e)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

func (h *Handler) setupBackupCodes(w http.ResponseWriter, r *http.Request, by who) error {
	codes, err := h.Factors.RegenerateBackupCodes(r.Context(), by.signedIn.UserID, locale(r))
	if err != nil {
		return err
	}
	m := Material{BackupCodes: &codes}
	return web.WriteJSON(w, http.StatusOK, Enrolment{
		ID: mfa.TypeBackupCodes, MethodID: mfa.TypeBackupCodes, MethodType: mfa.TypeBackupCodes, Status: "active", IsVerified: true,
		Material: m, SetupData: m, Message: "Keep these backup codes in a safe place; the earlier ones do not work any more",
	})
}

func (h *Handler) enrolmentOf(e mfa.Enrolment) (Enrolment, error) {
	out := Enrolment{
		ID: e.Method.ID, MethodID: e.Method.ID, MethodType: e.Method.Type, Status: "setup_required",
		Destination: optional(e.Challenge.Destination), ChallengeID: &e.Challenge.ID, ExpiresAt: h.Shape.Times.Ptr(e.Challenge.Expiry),
		Message: "Scan the QR code with an authenticator app, then send the code that it shows to /mfa/verify",
	}
	m := Material{
		Secret: optional(e.Secret), SecretKey: optional(e.Secret), OTPAuthURI: optional(e.URI), WebAuthnOptions: e.Challenge.Options,
	}
	switch e.Method.Type {
	case storage.FactorEmail, storage.FactorSMS:
		out.Status, out.Message = "verification_sent", "Send the code that you have received to /mfa/verify"
	case storage.FactorWebAuthn:
		out.Message = "Make the passkey with webauthn_options, then send it to /mfa/verify as webauthn_response"
	case storage.FactorTOTP:
		png, err := mfa.QRPNG(e.URI)
		if err != nil {
			return out, err
		}
		svg, err := mfa.QRSVG(e.URI)
		if err != nil {
			return out, err
		}
		m.QRCode = optional("data:image/png;base64," + base64.StdEncoding.EncodeToString(png))
		m.QRCodeURI = optional("data:image/svg+xml," + url.PathEscape(svg))
	}
	out.Material, out.SetupData = m, m
	return out, nil
}

// BackupCodes is the answer of POST /mfa/backup-codes/regenerate.
type BackupCodes struct {
	BackupCodes    []string `json:"backup_codes"` // shown this once
	CodesRemaining int      `json:"codes_remaining"`
	CreatedAt      *string  `json:"created_at"`
	RegeneratedAt  *string  `json:"regenerated_at"`
	Message        string   `json:"message"`
}

// regenerate is POST /mfa/backup-codes/regenerate.
func (h *Handler) regenerate(w http.ResponseWriter, r *http.Request) error {
	web.NoStore(w)
	by, err := person(r)
	if err != nil {
		return err
	}
	if err := h.recent(r.Context(), by); err != nil {
		return err
	}
	codes, err := h.Factors.RegenerateBackupCodes(r.Context(), by.signedIn.UserID, locale(r))
	if err != nil {
		return err
	}
	now := h.Shape.Times.Ptr(h.Now())
	return web.WriteJSON(w, http.StatusOK, BackupCodes{
		BackupCodes: codes, CodesRemaining: len(codes), CreatedAt: now, RegeneratedAt: now,
		Message: "Keep these backup codes in a safe place; the earlier ones do not work any more",
	})
}
