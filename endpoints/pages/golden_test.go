package pages

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden pins the HTML of every page in English. The asset hash is masked,
// so that a change of style does not touch every file.
func TestGolden(t *testing.T) {
	r := newRenderer(t, Options{})
	for _, c := range pageCases() {
		t.Run(c.name, func(t *testing.T) {
			got := strings.ReplaceAll(draw(t, r, c, Base{}).Body.String(), r.assets.prefix, "/ui/assets/HASH/")
			file := filepath.Join("testdata", "golden", c.name+".html")
			if *update {
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("differs from %s (run with -update when meant):\n%s", file, diff)
			}
		})
	}
}
