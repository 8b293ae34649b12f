package notify

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/signet-idp/signet/internal/safehttp"
)

// Caller makes HTTP calls (*safehttp.Client).
type Caller interface {
	CheckURL(raw string) (*url.URL, error)
	Do(ctx context.Context, r safehttp.Request) (*safehttp.Response, error)
}

// HTTPSMS hands text messages to a gateway:
//
//	POST <URL>
//	Content-Type: application/json
//	Idempotency-Key: <the message's id, the same at every attempt>
//
//	{"to": "+4915112345678", "text": "..."}
//
// 2xx means taken; 408, 425, 429 and 5xx are tried again; any other status is a
// refusal. A user name and password in the URL become basic authentication.
type HTTPSMS struct {
	caller        Caller
	url           string
	authorization string
}

// NewHTTPSMS checks the URL. Its errors do not hold the URL, which may carry a
// secret.
func NewHTTPSMS(raw string, caller Caller) (*HTTPSMS, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("notify: sms: the URL cannot be read")
	}
	s := &HTTPSMS{caller: caller}
	if u.User != nil {
		password, _ := u.User.Password()
		s.authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
		u.User = nil
	}
	s.url = u.String()
	if _, err := caller.CheckURL(s.url); err != nil {
		return nil, errors.New("notify: sms: write https://host/path, or http:// to this machine")
	}
	return s, nil
}

// Send implements Sender.
func (s *HTTPSMS) Send(ctx context.Context, d Delivery) error {
	body, err := json.Marshal(map[string]string{"to": d.To, "text": d.Text})
	if err != nil {
		return fmt.Errorf("sms: %w", err)
	}
	header := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}, "Idempotency-Key": {d.ID}}
	if s.authorization != "" {
		header.Set("Authorization", s.authorization)
	}
	answer, err := s.caller.Do(ctx, safehttp.Request{Method: http.MethodPost, URL: s.url, Header: header, Body: string(body)})
	if errors.Is(err, safehttp.ErrTooLarge) || errors.Is(err, safehttp.ErrEncoding) {
		return fmt.Errorf("sms: %w: %w", err, ErrRefused) // it was handed over; again would be twice
	}
	if err != nil {
		return fmt.Errorf("sms: %w", err)
	}
	switch {
	case answer.Status >= 200 && answer.Status < 300:
		return nil
	case answer.Status >= 500, answer.Status == http.StatusRequestTimeout, answer.Status == http.StatusTooEarly, answer.Status == http.StatusTooManyRequests:
		return fmt.Errorf("sms: status %d", answer.Status)
	}
	return fmt.Errorf("sms: status %d: %w", answer.Status, ErrRefused)
}
