package notify_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/signet-idp/signet/internal/safehttp"
	"github.com/signet-idp/signet/provider/notify"
)

func gateway(t *testing.T, h http.HandlerFunc) (*notify.HTTPSMS, string) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	caller, err := safehttp.New(safehttp.Options{AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	s, err := notify.NewHTTPSMS(strings.Replace(srv.URL, "http://", "http://user:pass@", 1)+"/sms?key=1", caller)
	if err != nil {
		t.Fatal(err)
	}
	return s, srv.URL
}

func text() notify.Delivery {
	return notify.Delivery{ID: "m1", Content: notify.Content{Channel: notify.SMS, To: "+4915112345678", Text: "123456 ist Ihr Code"}}
}

func TestTextMessage(t *testing.T) {
	var got map[string]string
	s, _ := gateway(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if r.Method != http.MethodPost || r.URL.String() != "/sms?key=1" || r.Header.Get("Content-Type") != "application/json" ||
			r.Header.Get("Idempotency-Key") != "m1" || user != "user" || password != "pass" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &got); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusAccepted)
	})
	if err := s.Send(t.Context(), text()); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got["to"] != text().To || got["text"] != text().Text {
		t.Errorf("%v", got)
	}
}

func TestGatewayAnswers(t *testing.T) {
	for status, refused := range map[int]bool{400: true, 401: true, 404: true, 302: true, 408: false, 429: false, 500: false, 503: false} {
		s, _ := gateway(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte("+4915112345678 cannot"))
		})
		err := s.Send(t.Context(), text())
		if err == nil || errors.Is(err, notify.ErrRefused) != refused || strings.Contains(err.Error(), "4915") {
			t.Errorf("%d: %v", status, err)
		}
	}
	// More words than anybody reads are no reason to send it twice.
	s, _ := gateway(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) })
	if err := s.Send(t.Context(), text()); !errors.Is(err, notify.ErrRefused) {
		t.Errorf("%v", err)
	}
}

func TestGatewayURL(t *testing.T) {
	caller, err := safehttp.New(safehttp.Options{AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "ftp://sms.example", "https://", "https://sms.example/p%zz"} {
		if _, err := notify.NewHTTPSMS(bad, caller); err == nil || strings.Contains(err.Error(), "zz") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
