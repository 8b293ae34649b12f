package telemetry

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// HTTPRoute observes the requests of one route and method.
type HTTPRoute struct {
	m             *Metrics
	method, route string
	byStatus      atomic.Pointer[[]statusSeries]
}

type statusSeries struct {
	status int
	series prometheus.Observer
}

// HTTPRoute returns the observer of a route; route is the template, empty for
// requests that match none.
func (m *Metrics) HTTPRoute(method, route string) *HTTPRoute {
	return &HTTPRoute{m: m, method: method, route: route}
}

// Start counts a request in.
func (h *HTTPRoute) Start() { h.m.active.Inc() }

// Done counts it out and observes its duration. The series of a status is made
// at its first answer and found again without a lock.
func (h *HTTPRoute) Done(status int, d time.Duration) {
	h.m.active.Dec()
	seen := h.byStatus.Load()
	if seen != nil {
		for _, s := range *seen {
			if s.status == status {
				s.series.Observe(d.Seconds())
				return
			}
		}
	}
	series := h.m.requests.WithLabelValues(h.method, h.route, strconv.Itoa(status))
	series.Observe(d.Seconds())
	var next []statusSeries
	if seen != nil {
		next = append(next, *seen...)
	}
	next = append(next, statusSeries{status, series})
	h.byStatus.CompareAndSwap(seen, &next) // lost a race: found next time
}
