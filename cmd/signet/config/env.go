package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

func environ(list []string) map[string]string {
	env := make(map[string]string, len(list))
	for _, pair := range list {
		if name, value, ok := strings.Cut(pair, "="); ok {
			env[name] = value
		}
	}
	return env
}

const fileTwin = "_FILE"

// loadEnv reads the variables of every setting; an empty one counts as not set.
// A secret may also be in the file that NAME_FILE names.
func (l *loader) loadEnv() {
	y, known := layer{}, []string{"SIGNET_CONFIG"}
	for i := range l.settings {
		s := &l.settings[i]
		for _, name := range s.Env {
			known = append(known, name)
			if s.Secret {
				known = append(known, name+fileTwin)
			}
			if _, done := y[s.Key]; done {
				continue
			}
			if value, ok := l.variable(s, name); ok {
				y[s.Key] = value
			}
		}
	}
	if port := l.env["PORT"]; port != "" && y["server.addr"] == nil {
		host := "0.0.0.0"
		if f := l.flag("dev"); f != nil && f.Value.String() == "true" {
			host = "127.0.0.1"
		}
		y["server.addr"] = host + ":" + port
	}
	l.merge("environment", y)
	l.warnUnknown(known)
}

func (l *loader) variable(s *Setting, name string) (string, bool) {
	value := l.env[name]
	file := l.env[name+fileTwin]
	if !s.Secret || file == "" {
		return value, value != ""
	}
	if value != "" {
		l.problems.add(s.Key, fmt.Sprintf("both %s and %s are set; keep one", name, name+fileTwin))
		return "", false
	}
	data, err := l.sources.ReadFile(file)
	if err != nil {
		l.problems.add(s.Key+" ("+name+fileTwin+")", err.Error())
		return "", false
	}
	return strings.TrimSpace(string(data)), true
}

// injected are variables Kubernetes sets in every pod for a service named signet.
var injected = regexp.MustCompile(`^SIGNET_(SERVICE_(HOST|PORT(_.*)?)|PORT(_\d+_(TCP|UDP)(_(ADDR|PORT|PROTO))?)?)$`)

func (l *loader) warnUnknown(known []string) {
	var names []string
	for name := range l.env {
		if strings.HasPrefix(name, "SIGNET_") && !slices.Contains(known, name) && !injected.MatchString(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		l.out.Warnings = append(l.out.Warnings, fmt.Sprintf("unknown variable %s is ignored%s", name, didYouMean(name, known)))
	}
}
