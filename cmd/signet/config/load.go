package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// Sources are where Load looks. The zero value gives the defaults.
type Sources struct {
	Flags   *pflag.FlagSet // with the flags of AddFlags; nil: none
	Environ []string       // as os.Environ
	// File is used when neither --config nor SIGNET_CONFIG names one, and may
	// be missing. Empty: none.
	File string
	// ReadFile is os.ReadFile when nil.
	ReadFile func(string) ([]byte, error)
}

// Loaded is a checked configuration and how it came about.
type Loaded struct {
	Config
	// Origin says where each key came from: "flag", "environment", "file",
	// "default", "derived".
	Origin map[string]string
	// File is the configuration file that was read; empty: none.
	File string
	// Warnings are for the log: unknown SIGNET_* variables and the like.
	Warnings []string
}

// Load reads all sources, flags over environment over file over defaults, and
// checks the result. An error is a *Error with every problem found.
func Load(s Sources) (*Loaded, error) {
	if s.ReadFile == nil {
		s.ReadFile = os.ReadFile
	}
	l := &loader{
		sources: s, settings: Settings(), values: koanf.New("."),
		out: &Loaded{Origin: map[string]string{}}, env: environ(s.Environ),
	}
	l.loadDefaults()
	l.loadFile()
	l.loadEnv()
	l.loadFlags()
	l.fill()
	l.derive()
	if len(l.problems.List) == 0 {
		l.problems.List = l.out.check(s.ReadFile)
	}
	if len(l.problems.List) > 0 {
		return nil, &l.problems
	}
	return l.out, nil
}

type loader struct {
	sources  Sources
	settings []Setting
	env      map[string]string
	values   *koanf.Koanf
	out      *Loaded
	problems Error
}

// layer is a koanf provider over one flat source: every layer is merged over
// those before it.
type layer map[string]any

func (y layer) ReadBytes() ([]byte, error)    { return nil, errors.New("config: not a byte source") }
func (y layer) Read() (map[string]any, error) { return nest(y), nil }

func nest(flat map[string]any) map[string]any {
	out := map[string]any{}
	for key, value := range flat {
		at := out
		parts := strings.Split(key, ".")
		for _, p := range parts[:len(parts)-1] {
			inner, ok := at[p].(map[string]any)
			if !ok {
				inner = map[string]any{}
				at[p] = inner
			}
			at = inner
		}
		at[parts[len(parts)-1]] = value
	}
	return out
}

func (l *loader) merge(origin string, y layer) {
	if err := l.values.Load(y, nil); err != nil {
		l.problems.add("", err.Error())
		return
	}
	for key := range y {
		l.out.Origin[key] = origin
	}
}

func (l *loader) loadDefaults() {
	y := layer{}
	for _, s := range l.settings {
		y[s.Key] = s.Default
	}
	l.merge("default", y)
}

func (l *loader) loadFile() {
	name, named := l.env["SIGNET_CONFIG"], true
	if f := l.flag("config"); f != nil && f.Changed {
		name = f.Value.String()
	}
	if name == "" {
		name, named = l.sources.File, false
	}
	if name == "" {
		return
	}
	data, err := l.sources.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return
	}
	if err != nil {
		l.problems.add("config file", err.Error())
		return
	}
	l.out.File = name
	flat, err := parseFile(data)
	if err != nil {
		l.problems.add(name, err.Error())
		return
	}
	y := layer{}
	for key, value := range flat {
		switch i := slices.IndexFunc(l.settings, func(s Setting) bool { return s.Key == key }); {
		case i < 0:
			l.problems.add(name, fmt.Sprintf("unknown setting %q%s", key, didYouMean(key, l.keys())))
		case key == "dev":
			l.problems.add(name, "dev is no setting of a file; start with --dev")
		case value != nil: // "key:" alone leaves the default
			y[key] = value
		}
	}
	l.merge("file", y)
}

func (l *loader) keys() []string {
	keys := make([]string, len(l.settings))
	for i, s := range l.settings {
		keys[i] = s.Key
	}
	return keys
}

func (l *loader) loadFlags() {
	y := layer{}
	for _, s := range l.settings {
		if f := l.flag(s.Flag); f != nil && f.Changed {
			y[s.Key] = f.Value.String()
		}
	}
	l.merge("flag", y)
}

func (l *loader) flag(name string) *pflag.Flag {
	if l.sources.Flags == nil || name == "" {
		return nil
	}
	return l.sources.Flags.Lookup(name)
}

// fill converts the merged values into the struct.
func (l *loader) fill() {
	for i := range l.settings {
		s := &l.settings[i]
		raw := l.values.Get(s.Key)
		if raw == "" && s.Default == "" && s.kind() != "text" && s.kind() != "secret" {
			continue
		}
		if err := s.set(&l.out.Config, raw); err != nil {
			l.problems.add(s.Name(), err.Error())
		}
	}
}

// AddFlags defines a flag for every setting that has one, and --config.
func AddFlags(set *pflag.FlagSet) {
	set.String("config", "", "configuration file (default signet.yaml, if there is one)")
	for _, s := range Settings() {
		switch {
		case s.Flag == "" || set.Lookup(s.Flag) != nil:
		case s.kind() == "true or false":
			set.Bool(s.Flag, s.Default == "true", firstSentence(s.Doc))
		default:
			set.String(s.Flag, s.Default, firstSentence(s.Doc))
		}
	}
}

func firstSentence(doc string) string {
	if at := strings.Index(doc, ". "); at >= 0 {
		doc = doc[:at]
	}
	return strings.TrimSuffix(doc, ".")
}
