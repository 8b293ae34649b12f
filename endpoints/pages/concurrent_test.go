package pages

import (
	"net/http/httptest"
	"sync"
	"testing"
)

// TestConcurrent: pages share buffers and must never share contents.
func TestConcurrent(t *testing.T) {
	r := newRenderer(t, Options{})
	cases := pageCases()
	locales := []Locale{{}, r.Locale("de", ""), r.Locale("fr", ""), r.Locale("es", "")}
	want := make(map[string]string)
	for _, c := range cases {
		for _, l := range locales {
			want[c.name+l.String()] = draw(t, r, c, Base{Locale: l}).Body.String()
		}
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 100 {
				c, l := cases[(i*7+j)%len(cases)], locales[j%len(locales)]
				w := httptest.NewRecorder()
				if err := c.write(r, w, Base{Locale: l}); err != nil {
					t.Error(err)
				}
				if w.Body.String() != want[c.name+l.String()] {
					t.Errorf("%s in %q differs beside others", c.name, l)
				}
			}
		})
	}
	wg.Wait()
}
