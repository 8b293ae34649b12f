package telemetry

import (
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are Signet's own instruments. Its methods are what the small observer
// interfaces of the provider packages ask for; label values are enumerations of
// ours, never ids and never what a caller typed. All methods are safe for
// concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	logins       *prometheus.CounterVec
	challenges   *prometheus.CounterVec
	issued       *prometheus.CounterVec
	tokenErrors  *prometheus.CounterVec
	validations  *prometheus.CounterVec
	validateTime prometheus.Histogram
	hashTime     prometheus.Histogram
	hashQueue    prometheus.Gauge
	limited      *prometheus.CounterVec
	lockouts     prometheus.Counter
	notified     *prometheus.CounterVec
	webhooks     *prometheus.CounterVec
	webhookTime  prometheus.Histogram
	webhookDead  prometheus.Counter

	authRequests prometheus.Counter
	authFailures prometheus.Counter
	tokenTime    prometheus.Histogram

	requests *prometheus.HistogramVec
	active   prometheus.Gauge
}

// NewMetrics returns the instruments in a registry of their own.
func NewMetrics(version, commit string) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	one := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	timing := func(name, help string, buckets ...float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
	}
	m := &Metrics{
		registry:     prometheus.NewRegistry(),
		logins:       counter("signet_logins_total", "Login attempts by method, result and reason.", "method", "result", "reason"),
		challenges:   counter("signet_mfa_challenges_total", "Second-factor challenges by factor and result.", "factor", "result"),
		issued:       counter("signet_tokens_issued_total", "Access tokens issued by grant and client type.", "grant", "client_type"),
		tokenErrors:  counter("signet_token_errors_total", "Refused token requests by grant and error.", "grant", "error"),
		validations:  counter("signet_validate_total", "Verdicts of /auth/validate by gate and result.", "gate", "result"),
		validateTime: timing("signet_validate_duration_seconds", "Time to a verdict of /auth/validate.", .00001, .000025, .00005, .0001, .00025, .0005, .001, .0025, .005, .01, .1),
		hashTime:     timing("signet_password_hash_duration_seconds", "Time of one password hash, without the wait for the gate.", .005, .01, .02, .03, .05, .1, .2, .5, 1),
		hashQueue:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "signet_hash_queue_depth", Help: "Password hashes waiting for the gate."}),
		limited:      counter("signet_rate_limited_total", "Requests refused by a limit.", "rule"),
		lockouts:     one("signet_lockouts_total", "Identifiers locked after failed logins."),
		notified:     counter("signet_notifications_total", "Messages sent by channel and result.", "channel", "result"),
		webhooks:     counter("signet_webhook_attempts_total", "Messages sent to webhooks by result.", "result"),
		webhookTime:  timing("signet_webhook_duration_seconds", "Time of one attempt to reach a webhook.", .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20),
		webhookDead:  one("signet_webhook_dead_total", "Deliveries to webhooks that were given up."),
		authRequests: one("auth_requests_total", "Login attempts (name of the previous system)."),
		authFailures: one("auth_failures_total", "Failed login attempts (name of the previous system)."),
		tokenTime:    timing("token_generation_seconds", "Time to make and sign the tokens of one answer (name of the previous system).", .00005, .0001, .00025, .0005, .001, .0025, .005, .01, .05, .1),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_server_request_duration_seconds", Help: "Duration of HTTP server requests.",
			// Those of the HTTP semantic conventions.
			Buckets: []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10},
		}, []string{"http_request_method", "http_route", "http_response_status_code"}),
		active: prometheus.NewGauge(prometheus.GaugeOpts{Name: "http_server_active_requests", Help: "HTTP requests now being answered."}),
	}
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "signet_build_info", Help: "Always 1; the labels say which build this is."},
		[]string{"version", "commit", "go_version"})
	info.WithLabelValues(version, commit, runtime.Version()).Set(1)
	m.registry.MustRegister(info, m.logins, m.challenges, m.issued, m.tokenErrors, m.validations, m.validateTime,
		m.hashTime, m.hashQueue, m.limited, m.lockouts, m.notified, m.webhooks, m.webhookTime, m.webhookDead, m.authRequests, m.authFailures, m.tokenTime, m.requests, m.active)
	return m
}

// Login counts a login attempt: method "password", "passkey", "federated";
// result "success", "failure", "challenge"; reason a stable id, empty for success.
func (m *Metrics) Login(method, result, reason string) {
	m.logins.WithLabelValues(method, result, reason).Inc()
	m.authRequests.Inc()
	if result == "failure" {
		m.authFailures.Inc()
	}
}

// MFAChallenge counts the outcome of a second-factor challenge.
func (m *Metrics) MFAChallenge(factor, result string) {
	m.challenges.WithLabelValues(factor, result).Inc()
}

// TokenIssued counts an access token: grant as in the request, clientType
// "public" or "confidential", and how long making it took.
func (m *Metrics) TokenIssued(grant, clientType string, took time.Duration) {
	m.issued.WithLabelValues(grantLabel(grant), clientType).Inc()
	m.tokenTime.Observe(took.Seconds())
}

// TokenError counts a refused token request by its OAuth error.
func (m *Metrics) TokenError(grant, code string) {
	m.tokenErrors.WithLabelValues(grantLabel(grant), code).Inc()
}

// Validated counts a verdict: result "valid" or the reason it is not.
func (m *Metrics) Validated(gate, result string, took time.Duration) {
	m.validations.WithLabelValues(gate, result).Inc()
	m.validateTime.Observe(took.Seconds())
}

// PasswordHashed observes one password hash.
func (m *Metrics) PasswordHashed(took time.Duration) { m.hashTime.Observe(took.Seconds()) }

// HashQueue sets how many hashes wait for the gate.
func (m *Metrics) HashQueue(depth int) { m.hashQueue.Set(float64(depth)) }

// RateLimited counts a refusal by a limit rule.
func (m *Metrics) RateLimited(rule string) { m.limited.WithLabelValues(rule).Inc() }

// Lockout counts an identifier that was locked.
func (m *Metrics) Lockout() { m.lockouts.Inc() }

// Notified counts a message: channel "email" or "sms".
func (m *Metrics) Notified(channel, result string) { m.notified.WithLabelValues(channel, result).Inc() }

// WebhookAttempt counts a message to a webhook: result "delivered", "refused",
// "gone", "unreachable".
func (m *Metrics) WebhookAttempt(result string, took time.Duration) {
	m.webhooks.WithLabelValues(result).Inc()
	m.webhookTime.Observe(took.Seconds())
}

// WebhookDead counts a delivery that is given up.
func (m *Metrics) WebhookDead() { m.webhookDead.Inc() }

// WebhookBacklog registers the figures of what waits for webhooks, which are
// asked at every scrape.
func (m *Metrics) WebhookBacklog(pending, oldest func() float64) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "signet_webhook_pending_deliveries", Help: "Deliveries that wait for webhooks; 0 on replicas that do not fan out.",
		}, pending),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "signet_webhook_oldest_pending_seconds", Help: "How long the oldest of them has waited; 0 on replicas that do not fan out.",
		}, oldest))
}

// RevocationLag registers the gauge of how far this replica is behind the
// revocation feed; lag is asked at every scrape.
func (m *Metrics) RevocationLag(lag func() time.Duration) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Name: "signet_revocation_lag_seconds", Help: "Time since this replica last read the head of the revocation feed."},
		func() float64 { return lag().Seconds() }))
}

// FeedSubscribers registers the gauge of open streams of the revocation feed.
func (m *Metrics) FeedSubscribers(count func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Name: "signet_revocation_subscribers", Help: "Open streams of the revocation feed."},
		func() float64 { return float64(count()) }))
}

// FollowerLag registers the gauge of how old the oldest event is that a
// consumer of the record has begun to handle and not finished; lag is asked at
// every scrape.
func (m *Metrics) FollowerLag(consumer string, lag func() time.Duration) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{
			Name: "signet_event_follower_lag_seconds", Help: "Age of the oldest event that a consumer has not finished; 0 on replicas that do not do its work.",
			ConstLabels: prometheus.Labels{"consumer": consumer},
		},
		func() float64 { return lag().Seconds() }))
}

// KafkaRelay registers the figures of the relay to Kafka, which are asked at
// every scrape.
func (m *Metrics) KafkaRelay(backlog, parked, published func() float64) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "signet_kafka_backlog_events", Help: "Events not yet published to Kafka; 0 on replicas that do not do the work.",
		}, backlog),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "signet_kafka_parked_events", Help: "Events that Kafka refused, and those that wait behind one; 0 on replicas that do not do the work.",
		}, parked),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "signet_kafka_published_events_total", Help: "Events that this process published to Kafka.",
		}, published))
}

// ChainBroken registers the counter of checkpoints before which the record's
// chain did not hold; figure is asked at every scrape.
func (m *Metrics) ChainBroken(figure func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "signet_audit_chain_broken_total", Help: "Checkpoints before which the record of events did not hold together; anything but 0 is an alarm.",
	}, figure))
}

// EventsPruned registers the counter of events that this process removed because
// they were too old; figure is asked at every scrape.
func (m *Metrics) EventsPruned(figure func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "signet_audit_pruned_events_total", Help: "Events that retention removed, by this process.",
	}, figure))
}

// SigningKeys registers the gauge of the youngest key's age in each state
// ("next", "active", "retiring"); ages is asked at every scrape.
func (m *Metrics) SigningKeys(ages func() map[string]time.Duration) {
	m.registry.MustRegister(keyAges{
		desc: prometheus.NewDesc("signet_signing_key_age_seconds", "Age of the youngest signing key in each state.", []string{"kid_state"}, nil),
		ages: ages,
	})
}

type keyAges struct {
	desc *prometheus.Desc
	ages func() map[string]time.Duration
}

func (k keyAges) Describe(ch chan<- *prometheus.Desc) { ch <- k.desc }

func (k keyAges) Collect(ch chan<- prometheus.Metric) {
	for state, age := range k.ages() {
		ch <- prometheus.MustNewConstMetric(k.desc, prometheus.GaugeValue, age.Seconds(), state)
	}
}

// grantLabel keeps invented grant types out of the labels.
func grantLabel(grant string) string {
	switch grant {
	case "authorization_code", "refresh_token", "client_credentials", "password", "json_login",
		"urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange",
		"urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:openid:params:grant-type:ciba":
		return grant
	default:
		return "other"
	}
}
