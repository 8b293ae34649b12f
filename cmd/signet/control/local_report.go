package control

import (
	"bytes"
	"context"
	"fmt"

	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/report"
)

// Report implements Operations.
func (l Local) Report(ctx context.Context, r ReportRequest) (ReportFile, error) {
	made, err := l.report(ctx, r)
	if err != nil {
		return ReportFile{}, err
	}
	var body bytes.Buffer
	err = report.Write(&body, made, r.Format)
	return ReportFile{body.Bytes()}, err
}

func (l Local) report(ctx context.Context, r ReportRequest) (report.Report, error) {
	organization, err := l.owner(ctx, r.Organization)
	if err != nil {
		return report.Report{}, err
	}
	reports := l.Core.Reports()
	switch r.Report {
	case ReportAccess:
		return reports.Access(ctx, organization)
	case report.SOC2, report.HIPAA:
		return reports.Evidence(ctx, r.Report, organization, r.From, r.To)
	case ReportErasure, ReportPerson:
		u, err := l.Core.Users.Find(ctx, r.User)
		switch {
		case r.Report == ReportErasure && fault.Is(err, fault.UserNotFound):
			return reports.Erasure(ctx, r.User) // who was erased is found by id alone
		case err != nil:
			return report.Report{}, err
		case r.Report == ReportErasure:
			return reports.Erasure(ctx, u.ID)
		}
		return reports.Person(by(ctx), u.ID, "operator")
	}
	return report.Report{}, fault.New(fault.Invalid, fmt.Sprintf("there is no report %q", r.Report))
}
