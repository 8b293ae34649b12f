package guard

import "context"

// Failed is how many attempts at an identifier have failed within Window,
// whoever made them, that Noted was not told of.
func (g *Guard) Failed(ctx context.Context, identifier string) (int64, error) {
	n, _, err := g.counter.Add(ctx, failures(identifier), 0, 0)
	if err != nil || n <= 0 {
		return 0, err
	}
	noted, _, err := g.counter.Add(ctx, notedOf(identifier), 0, 0)
	return max(n-noted, 0), err
}

// Noted says that the failures up to now are on record.
func (g *Guard) Noted(ctx context.Context, identifier string) error {
	n, left, err := g.counter.Add(ctx, failures(identifier), 0, 0)
	if err != nil || n <= 0 {
		return err
	}
	noted, _, err := g.counter.Add(ctx, notedOf(identifier), 0, 0)
	if err != nil || noted >= n {
		return err
	}
	// It ends with the failures that it is about.
	_, _, err = g.counter.Add(ctx, notedOf(identifier), n-noted, left)
	return err
}

func notedOf(identifier string) string { return "login:noted:" + identifier }
