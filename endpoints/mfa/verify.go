package mfa

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/provider/session"
)

func (h *Handler) proofRoutes() []web.Route {
	const why = "the mfa_token of a login that waits stands for the bearer token"
	setup := route("setUpFactor", "Begin to set up a second factor, or make new backup codes", http.MethodPost, "/mfa/setup", h.setup)
	setup.Request, setup.Response = web.TypeOf[SetupRequest](), web.TypeOf[Enrolment]()
	setup.Errors = bearer("AUTH_001", "AUTH_009", "AUTH_014", "MFA_001", "MFA_003", "REQ_001", "REQ_002", "REQ_004")

	challenge := route("challengeFactor", "Ask to prove a second factor, sending its code", http.MethodPost, "/mfa/challenge", h.challenge)
	challenge.Request, challenge.Response = web.TypeOf[ChallengeRequest](), web.TypeOf[Challenge]()
	challenge.Errors = bearer("AUTH_001", "AUTH_009", "MFA_001", "MFA_003", "REQ_001", "REQ_002", "REQ_003")

	verify := route("verifyFactor", "Prove a second factor: completes a login, confirms a new factor, or makes the session's authentication recent",
		http.MethodPost, "/mfa/verify", h.verify)
	verify.Request, verify.Response = web.TypeOf[VerifyRequest](), web.TypeOf[Verification]()
	verify.Errors = bearer("AUTH_001", "AUTH_008", "AUTH_009", "MFA_001", "MFA_002", "MFA_003", "MFA_004", "REQ_001", "REQ_002", "REQ_003", "REQ_004")
	out := []web.Route{setup, challenge, verify}
	for i := range out {
		out[i].Auth, out[i].RateClass = web.HandlerChecks(why), web.RateLogin
	}
	return out
}

// ChallengeRequest is the body of POST /mfa/challenge; without a method it is
// the primary one.
type ChallengeRequest struct {
	MethodID   string `json:"method_id"`
	MethodType string `json:"method_type" alias:"method_id" doc:"A kind stands for the oldest factor of it."`
	MFAToken   string `json:"mfa_token" doc:"Of a login that waits; stands for the bearer token."`
}

// Challenge is the answer of POST /mfa/challenge.
type Challenge struct {
	ChallengeID       string          `json:"challenge_id"`
	MethodID          string          `json:"method_id"`
	MethodType        string          `json:"method_type"`
	Destination       *string         `json:"destination"` // masked; a code was sent there
	ExpiresAt         *string         `json:"expires_at"`
	AttemptsRemaining int64           `json:"attempts_remaining"`
	Message           string          `json:"message"`
	WebAuthnOptions   json.RawMessage `json:"webauthn_options" doc:"For navigator.credentials.get; null for other kinds."`
}

// challenge is POST /mfa/challenge.
func (h *Handler) challenge(w http.ResponseWriter, r *http.Request) error {
	var q ChallengeRequest
	if _, err := web.DecodeOptional(r, &q); err != nil {
		return err
	}
	web.NoStore(w)
	by, err := h.who(r, q.MFAToken)
	if err != nil {
		return err
	}
	var c mfa.Challenge
	if by.waiting != nil {
		c, err = h.Login.ChallengeJSON(r.Context(), by.waiting, by.device(r), locale(r), q.MethodID)
	} else {
		c, err = h.Factors.Begin(r.Context(), by.signedIn.Holder(), q.MethodID)
	}
	if err != nil {
		return h.refused(err)
	}
	out := Challenge{
		ChallengeID: c.ID, MethodID: c.MethodID, MethodType: c.Type, Destination: optional(c.Destination),
		ExpiresAt: h.Shape.Times.Ptr(c.Expiry), AttemptsRemaining: c.Remaining, WebAuthnOptions: c.Options,
		Message: "Send the code to /mfa/verify",
	}
	switch {
	case c.Destination != "":
		out.Message = "A code was sent to " + c.Destination
	case c.Options != nil:
		out.Message = "Use the passkey with webauthn_options, then send its answer to /mfa/verify as webauthn_response"
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

// VerifyRequest is the body of POST /mfa/verify.
type VerifyRequest struct {
	ChallengeID   string `json:"challenge_id"`
	MethodID      string `json:"method_id" doc:"Instead of challenge_id: its open challenge. An authenticator app and backup codes need none."`
	Code          string `json:"code"`
	ChallengeCode string `json:"challenge_code" alias:"code"`
	BackupCode    string `json:"backup_code" doc:"Stands in for any other factor, whatever was challenged."`
	// WebAuthnResponse is a PublicKeyCredential as its toJSON gives it, or that
	// as a text.
	WebAuthnResponse json.RawMessage `json:"webauthn_response"`
	DeviceName       string          `json:"device_name" doc:"For a passkey that is being set up: what to call it."`
	TrustDevice      bool            `json:"trust_device" doc:"At a login: ask for no second factor on this device for a while."`
	MFAToken         string          `json:"mfa_token" doc:"Of a login that waits; stands for the bearer token."`
}

// Verification is the answer of POST /mfa/verify. The members of tokens are null
// unless it completed a login, or stepped up the session of a client of this
// API; refresh_token and user are there only for a login.
type Verification struct {
	Verified          bool    `json:"verified"`
	Success           bool    `json:"success"`
	Message           string  `json:"message"`
	AttemptsRemaining *int64  `json:"attempts_remaining"` // null when it was right
	MethodID          *string `json:"method_id"`
	MethodType        *string `json:"method_type"`
	Token             *string `json:"token"` // the same as access_token
	shape.Tokens
	Nested *shape.Tokens `json:"tokens"` // the same once more
	// BackupCodes come with the first factor, and are shown this once.
	BackupCodes *[]string `json:"backup_codes"`
	// DeviceToken is for device_token of POST /auth/login: this device is trusted.
	DeviceToken *string     `json:"device_token"`
	User        *shape.User `json:"user"`
}

// answer reads what a factor is proven with.
func (q *VerifyRequest) answer() (mfa.Answer, error) {
	a := mfa.Answer{ChallengeID: q.ChallengeID, MethodID: q.MethodID, Code: q.Code, Name: q.DeviceName}
	if len(q.WebAuthnResponse) > 0 && string(q.WebAuthnResponse) != "null" {
		a.Passkey = q.WebAuthnResponse
		var text string
		if json.Unmarshal(q.WebAuthnResponse, &text) == nil {
			if !json.Valid([]byte(text)) {
				return a, fault.New(fault.Malformed, "webauthn_response: send the PublicKeyCredential as its toJSON gives it")
			}
			a.Passkey = json.RawMessage(text)
		}
	}
	switch {
	case a.Code == "" && a.Passkey == nil && q.BackupCode != "":
		a = mfa.Answer{MethodID: mfa.TypeBackupCodes, Code: q.BackupCode}
	case a.Code == "" && a.Passkey == nil:
		return a, missing("code", "a code, backup_code or webauthn_response is needed")
	case a.ChallengeID == "" && a.MethodID == "":
		return a, missing("challenge_id", "say which challenge or method this answers")
	}
	if len(a.Code) > maxCode {
		return a, fault.Field("code", "this is too long for a code")
	}
	return a, nil
}

// shown is null when there are none.
func shown(codes []string) *[]string {
	if codes == nil {
		return nil
	}
	return &codes
}

const maxCode = 64 // bytes

// verify is POST /mfa/verify.
func (h *Handler) verify(w http.ResponseWriter, r *http.Request) error {
	var q VerifyRequest
	if err := web.Decode(r, &q); err != nil {
		return err
	}
	web.NoStore(w)
	by, err := h.who(r, q.MFAToken)
	if err != nil {
		return err
	}
	a, err := q.answer()
	if err != nil {
		return err
	}
	if by.waiting != nil {
		return h.complete(w, r, by, a, q.TrustDevice)
	}
	judged, issued, err := h.Login.StepUp(r.Context(), by.signedIn, a)
	if wrong, ok := errors.AsType[*mfa.WrongError](err); ok {
		return web.WriteJSON(w, http.StatusOK, Verification{
			Message: "the code is wrong", AttemptsRemaining: &wrong.Remaining, Tokens: shape.Tokens{MFAMethods: []shape.Factor{}},
		})
	}
	if err != nil {
		return h.refused(err)
	}
	out := Verification{
		Verified: true, Success: true, Message: "Verified", MethodID: &judged.MethodID, MethodType: &judged.Type,
		Tokens: shape.Tokens{MFAMethods: []shape.Factor{}}, BackupCodes: shown(judged.BackupCodes),
	}
	if issued.AccessToken != "" {
		tokens := shape.TokensOf(issued)
		tokens.RefreshToken = nil // the one there is goes on
		out.Token, out.Tokens, out.Nested = tokens.AccessToken, tokens, &tokens
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

// complete finishes a login that waits.
func (h *Handler) complete(w http.ResponseWriter, r *http.Request, by who, a mfa.Answer, trust bool) error {
	done, err := h.Login.FactorJSON(r.Context(), by.waiting, by.device(r), locale(r), a, trust)
	if err != nil {
		return h.refused(err)
	}
	web.Log(r.Context()).Session(done.SessionID)
	account, err := h.Directory.Account(r.Context(), done.User.ID, done.OrganizationID)
	if err != nil {
		return err
	}
	user, tokens := h.Shape.UserOf(account), shape.TokensOf(done.Issued)
	return web.WriteJSON(w, http.StatusOK, Verification{
		Verified: true, Success: true, Message: "Verified", MethodID: &done.MethodID, MethodType: &done.MethodType,
		Token: tokens.AccessToken, Tokens: tokens, Nested: &tokens,
		BackupCodes: shown(done.BackupCodes), DeviceToken: optional(done.DeviceToken), User: &user,
	})
}

// device is where a login that waits is completed from.
func (by who) device(r *http.Request) session.Device { return shape.Device(r, by.waiting.DeviceName) }
