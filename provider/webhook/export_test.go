package webhook

// Limit sets how much may wait for one webhook.
func (f *Fanout) Limit(n int64) { f.limit = n }

// Bounds, for the tests.
const (
	MaxPerOrganization = maxPerOrganization
	MaxOfSystem        = maxOfSystem
	ClaimTime          = claimTime
	MeasureEvery       = measureEvery
)
