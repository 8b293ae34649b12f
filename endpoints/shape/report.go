package shape

import (
	"bytes"
	"net/http"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/report"
)

// ReportFormat is one way to read a report.
type ReportFormat struct {
	Format string // of package report
	Suffix string // of the path
	Name   string // behind the route's name
	Media  string // content type
	Title  string // behind the route's summary
}

// ReportFormats lists the ways: each has a path of its own, so that a link says
// what comes.
func ReportFormats() []ReportFormat {
	return []ReportFormat{
		{report.JSON, "", "", "", ""},
		{report.CSV, ".csv", "CSV", "text/csv", ", as CSV (RFC 4180)"},
		{report.HTML, ".html", "Page", "text/html", ", as a page to read"},
	}
}

// Route completes a report's route for one format.
func (f ReportFormat) Route(r web.Route) web.Route {
	r.Name, r.Path, r.Summary = r.Name+f.Name, r.Path+f.Suffix, r.Summary+f.Title
	if r.Response = web.TypeOf[report.Document](); f.Media != "" {
		r.Response, r.Produces = web.TypeOf[string](), f.Media
	}
	return r
}

// Write answers with a report. It is a file to keep: browsers save it.
func (f ReportFormat) Write(w http.ResponseWriter, r report.Report) error {
	if f.Media == "" {
		return web.WriteJSON(w, http.StatusOK, report.DocumentOf(r))
	}
	var body bytes.Buffer
	if err := report.Write(&body, r, f.Format); err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+r.Name+f.Suffix+`"`)
	return web.WriteBody(w, http.StatusOK, f.Media+"; charset=utf-8", body.Bytes())
}
