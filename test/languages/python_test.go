package languages

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/signet-idp/signet/internal/testkit/script"
)

// The packages, seen from here.
var (
	pythonPackage = filepath.Join("..", "..", "gateway", "python")
	vectorFolder  = filepath.Join("..", "..", "gateway", "testdata")
)

// TestPythonPackage runs what the package's developers run.
func TestPythonPackage(t *testing.T) {
	t.Parallel()
	look(t, pythonPackage, vectorFolder)
	bin := environment(t)
	t.Run("its tests", func(t *testing.T) { run(t, pythonPackage, bin, "-m", "pytest") })
	t.Run("its types", func(t *testing.T) { run(t, pythonPackage, bin, "-m", "mypy", "--cache-dir", cache(t, "mypy")) })
	t.Run("its wheel", func(t *testing.T) {
		dir := t.TempDir()
		run(t, pythonPackage, bin, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", dir, ".")
		wheels, err := filepath.Glob(filepath.Join(dir, "signet_gateway-*-py3-none-any.whl"))
		if err != nil || len(wheels) != 1 {
			t.Fatal(wheels, err)
		}
		// What is in it works without the source beside it.
		run(t, dir, bin, "-c", "import sys; sys.path.insert(0, sys.argv[1]); import signet_gateway.fastapi, importlib.resources as r; "+
			"assert 'whl' in signet_gateway.__file__ and (r.files('signet_gateway') / 'py.typed').is_file()", wheels[0])
	})
}

// run executes a program in a folder; what it says is shown if it fails.
func run(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
}

// look stats all files of the folders: the go command keeps a test's result
// until a file changes that the test itself has looked at.
func look(t *testing.T, folders ...string) {
	t.Helper()
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() && (e.Name() == "node_modules" || e.Name() == "dist") {
				return filepath.SkipDir
			}
			_, err = os.Stat(path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// cache is a folder that outlives the test.
func cache(t *testing.T, name string) string {
	t.Helper()
	home, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(home, "signet-tests", name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

var installing sync.Mutex

// environment is a Python with the packages that the lock file names; it is made
// once, and again when the file or the Python changes.
func environment(t *testing.T) (python string) {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	system := script.Program(t, "SIGNET_TEST_PYTHON", "python3")
	lock := filepath.Join(pythonPackage, "tests", "requirements.txt")
	names, err := os.ReadFile(lock)
	if err != nil {
		t.Fatal(err)
	}
	version, err := exec.CommandContext(t.Context(), system, "-c", "import sys; print(sys.version, sys.prefix)").Output()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(append(names, version...))
	dir := filepath.Join(cache(t, "python"), hex.EncodeToString(sum[:8]))
	python = filepath.Join(dir, "bin", "python")
	whole := filepath.Join(dir, "installed") // written last
	if _, err := os.Stat(whole); err == nil {
		return python
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	run(t, "", system, "-m", "venv", dir)
	run(t, "", python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", lock)
	if err := os.WriteFile(whole, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return python
}
