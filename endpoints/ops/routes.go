package ops

import (
	"net/http"
	"net/http/pprof"
	"reflect"

	"github.com/signet-idp/signet/endpoints/web"
)

// Mount adds the operational routes to the server's table. /metrics answers
// direct calls from this machine and tokens with metrics:read.
func (p *Ops) Mount(t *web.Table) {
	t.Add(p.health()...)
	if p.o.Metrics != nil {
		t.Add(p.metrics(web.LoopbackOrBearer("metrics:read")))
	}
}

// Table is the table of the operations listener: health, metrics open to
// whoever reaches that listener, and profiling, which is served nowhere else.
func (p *Ops) Table() *web.Table {
	t := web.NewTable()
	t.Add(p.health()...)
	if p.o.Metrics != nil {
		t.Add(p.metrics(web.Public()))
	}
	t.Add(
		profile("pprofIndex", "/debug/pprof", pprof.Index),
		profile("pprofCmdline", "/debug/pprof/cmdline", pprof.Cmdline),
		profile("pprofProfile", "/debug/pprof/profile", pprof.Profile),
		profile("pprofSymbol", "/debug/pprof/symbol", pprof.Symbol),
		profile("pprofTrace", "/debug/pprof/trace", pprof.Trace),
		profile("pprofNamed", "/debug/pprof/{profile}", pprof.Index),
	)
	return t
}

func (p *Ops) health() []web.Route {
	probe := func(name, path, summary string, h web.HandlerFunc) web.Route {
		return web.Route{
			Name: name, Summary: summary, Tags: []string{"Monitoring"}, Methods: []string{http.MethodGet}, Path: path,
			Auth: web.Public(), Handler: h, Quiet: true, Produces: "text/plain",
			Answers: map[int]reflect.Type{http.StatusServiceUnavailable: nil},
		}
	}
	summary := probe("health", "/health", "Summary of the service and what it depends on", p.serveHealth)
	summary.Legacy, summary.Produces, summary.Response = true, "", web.TypeOf[Health]()
	summary.Answers = map[int]reflect.Type{http.StatusServiceUnavailable: summary.Response}
	routes := []web.Route{
		summary,
		probe("livez", "/livez", "The process runs", p.serveLive),
		probe("readyz", "/readyz", "The service takes requests", p.serveReady),
		probe("startupz", "/startupz", "The service has started", p.serveStartup),
		probe("healthz", "/healthz", "The process runs (name used by Dex)", p.serveLive),
		probe("healthAlive", "/health/alive", "The process runs (name used by Hydra)", p.serveLive),
		probe("healthReady", "/health/ready", "The service takes requests (name used by Hydra)", p.serveReady),
	}
	for i := range routes[1:] {
		routes[i+1].Hidden = routes[i+1].Name == "healthAlive" || routes[i+1].Name == "healthReady"
	}
	return routes
}

func (p *Ops) metrics(auth web.Auth) web.Route {
	return web.Route{
		Name: "metrics", Summary: "Metrics as Prometheus text", Tags: []string{"Monitoring"}, Methods: []string{http.MethodGet},
		Path: "/metrics", Legacy: true, Auth: auth, Quiet: true, Produces: "text/plain",
		Handler: func(w http.ResponseWriter, r *http.Request) error {
			p.o.Metrics.ServeHTTP(w, r)
			return nil
		},
	}
}

func profile(name, path string, h http.HandlerFunc) web.Route {
	return web.Route{
		Name: name, Methods: []string{http.MethodGet}, Path: path, Auth: web.Public(), Hidden: true,
		Timeout: -1, // a profile takes as long as was asked for
		Handler: func(w http.ResponseWriter, r *http.Request) error {
			h(w, r)
			return nil
		},
	}
}
