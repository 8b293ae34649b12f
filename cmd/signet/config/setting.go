package config

import (
	"net/netip"
	"reflect"
	"strings"
	"time"
)

// Setting is one leaf of Config as its tags describe it.
type Setting struct {
	Key     string   // dotted, as in signet.yaml
	Env     []string // variables, first wins; empty: none
	Flag    string   // without dashes; empty: none
	Default string
	Doc     string
	Enum    []string
	Secret  bool
	Type    reflect.Type

	index []int
}

// Settings lists every setting in the order of the struct.
func Settings() []Setting {
	var list []Setting
	collect(reflect.TypeFor[Config](), "", nil, &list)
	return list
}

func collect(t reflect.Type, prefix string, index []int, list *[]Setting) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(append([]int(nil), index...), i)
		key := prefix + f.Tag.Get("key")
		if f.Type.Kind() == reflect.Struct {
			collect(f.Type, key+".", at, list)
			continue
		}
		s := Setting{
			Key: key, Default: f.Tag.Get("default"), Doc: f.Tag.Get("doc"), Type: f.Type,
			Secret: f.Type == reflect.TypeFor[Secret](), index: at,
		}
		switch env := f.Tag.Get("env"); env {
		case "":
			s.Env = []string{"SIGNET_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))}
		case "-":
		default:
			s.Env = strings.Split(env, ",")
		}
		switch flag := f.Tag.Get("flag"); {
		case flag == "-":
		case flag != "":
			s.Flag = flag
		case len(s.Env) > 0:
			s.Flag = strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(s.Env[0], "SIGNET_")), "_", "-")
		default:
			s.Flag = strings.ReplaceAll(key, "_", "-")
		}
		if enum := f.Tag.Get("enum"); enum != "" {
			s.Enum = strings.Split(enum, ",")
		}
		*list = append(*list, s)
	}
}

// Name is how errors call the setting: its key and, for those who use them, its
// variable.
func (s *Setting) Name() string {
	if len(s.Env) == 0 {
		return s.Key + " (--" + s.Flag + ")"
	}
	return s.Key + " (" + s.Env[0] + ")"
}

// kind names the type for people.
func (s *Setting) kind() string {
	switch s.Type {
	case reflect.TypeFor[time.Duration]():
		return "duration"
	case reflect.TypeFor[[]netip.Prefix]():
		return "list of CIDRs"
	case reflect.TypeFor[[]string]():
		return "list"
	case reflect.TypeFor[Secret]():
		return "secret"
	}
	switch s.Type.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "number"
	default:
		return "text"
	}
}
