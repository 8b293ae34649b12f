package telemetry

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func scrape(t *testing.T, tel *Telemetry) string {
	t.Helper()
	w := httptest.NewRecorder()
	tel.MetricsHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestEveryInstrumentIsScraped(t *testing.T) {
	tel, err := Start(t.Context(), Options{Version: "1.2.3", Commit: "abc"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tel.Shutdown(t.Context()) }()
	m := tel.Metrics
	m.Login("password", "success", "")
	m.Login("password", "failure", "bad_credentials")
	m.MFAChallenge("totp", "success")
	m.TokenIssued("refresh_token", "public", time.Millisecond)
	m.TokenError("made-up\ngrant", "unsupported_grant_type")
	m.Validated("default", "valid", 30*time.Microsecond)
	m.PasswordHashed(20 * time.Millisecond)
	m.HashQueue(3)
	m.RateLimited("login")
	m.Lockout()
	m.Notified("email", "sent")
	m.RevocationLag(func() time.Duration { return 250 * time.Millisecond })
	m.SigningKeys(func() map[string]time.Duration { return map[string]time.Duration{"active": time.Hour} })
	r := m.HTTPRoute("GET", "/users/{user_id}")
	r.Start()
	r.Done(200, 7*time.Millisecond)
	text := scrape(t, tel)
	for _, want := range []string{
		`signet_logins_total{method="password",reason="",result="success"} 1`,
		`signet_logins_total{method="password",reason="bad_credentials",result="failure"} 1`,
		`signet_mfa_challenges_total{factor="totp",result="success"} 1`,
		`signet_tokens_issued_total{client_type="public",grant="refresh_token"} 1`,
		`signet_token_errors_total{error="unsupported_grant_type",grant="other"} 1`,
		`signet_validate_total{gate="default",result="valid"} 1`,
		`signet_validate_duration_seconds_count 1`,
		`signet_password_hash_duration_seconds_count 1`,
		`signet_hash_queue_depth 3`,
		`signet_rate_limited_total{rule="login"} 1`,
		`signet_lockouts_total 1`,
		`signet_notifications_total{channel="email",result="sent"} 1`,
		`signet_revocation_lag_seconds 0.25`,
		`signet_signing_key_age_seconds{kid_state="active"} 3600`,
		`signet_build_info{commit="abc",`, `version="1.2.3"} 1`,
		`auth_requests_total 2`, `auth_failures_total 1`, `token_generation_seconds_count 1`,
		`http_server_request_duration_seconds_bucket{http_request_method="GET",http_response_status_code="200",http_route="/users/{user_id}",le="0.01"} 1`,
		`http_server_request_duration_seconds_bucket{http_request_method="GET",http_response_status_code="200",http_route="/users/{user_id}",le="0.005"} 0`,
		`http_server_active_requests 0`,
		`go_goroutine_count`, `process_resident_memory_bytes`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}

func TestHTTPRouteCountsConcurrentFirstAnswers(t *testing.T) {
	tel, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tel.Shutdown(t.Context()) }()
	r := tel.Metrics.HTTPRoute("GET", "/x")
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for status := range 10 {
				r.Start()
				r.Done(200+status, time.Millisecond)
			}
		})
	}
	wg.Wait()
	text := scrape(t, tel)
	for status := range 10 {
		want := `http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="20` + string(rune('0'+status)) + `",http_route="/x"} 16`
		if !strings.Contains(text, want) {
			t.Errorf("lacks %s", want)
		}
	}
}

func TestNothingIsExportedUnlessAsked(t *testing.T) {
	cases := map[string]struct {
		env  map[string]string
		want bool
	}{
		"nothing set":       {nil, false},
		"named exporter":    {map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, true},
		"none":              {map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, false},
		"endpoint":          {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, true},
		"signal's endpoint": {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318"}, true},
		"other signal":      {map[string]string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c:4318"}, false},
		"disabled":          {map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := wanted(func(k string) string { return c.env[k] }, "TRACES"); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
	tel, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if tel.Tracer != nil {
		t.Error("a tracer nobody asked for")
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
