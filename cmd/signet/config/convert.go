package config

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// set converts raw, a text or what YAML made of one, and stores it in the field
// of s. Errors say what to write instead and never repeat a secret.
func (s *Setting) set(c *Config, raw any) error {
	field := reflect.ValueOf(c).Elem().FieldByIndex(s.index)
	if list, ok := raw.([]any); ok {
		if s.Type.Kind() != reflect.Slice {
			return errors.New("takes one value, not a list")
		}
		parts := make([]string, len(list))
		for i, v := range list {
			parts[i] = fmt.Sprint(v)
		}
		raw = strings.Join(parts, ",")
	}
	if _, ok := raw.(map[string]any); ok {
		return errors.New("takes a value, not a group")
	}
	text := ""
	if raw != nil {
		text = strings.TrimSpace(fmt.Sprint(raw))
	}
	value, err := s.parse(text)
	if err != nil {
		return err
	}
	field.Set(reflect.ValueOf(value).Convert(s.Type))
	return nil
}

func (s *Setting) parse(text string) (any, error) {
	switch s.Type {
	case reflect.TypeFor[time.Duration]():
		return parseDuration(text)
	case reflect.TypeFor[[]netip.Prefix]():
		return parsePrefixes(text)
	case reflect.TypeFor[[]string]():
		return splitList(text), nil
	}
	switch s.Type.Kind() {
	case reflect.Bool:
		v, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fmt.Errorf("%q is neither true nor false", text)
		}
		return v, nil
	case reflect.Int:
		v, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("%q is not a whole number", text)
		}
		return v, nil
	default:
		if s.Enum != nil && text != "" && !slices.Contains(s.Enum, text) {
			return nil, fmt.Errorf("%q is not one of %s%s", text, strings.Join(s.Enum, ", "), didYouMean(text, s.Enum))
		}
		return text, nil
	}
}

// parseDuration takes seconds ("600"), Go durations ("10m30s") and days ("7d").
func parseDuration(text string) (time.Duration, error) {
	wrong := fmt.Errorf("%q is not a duration: write seconds (600), or a number with s, m, h or d (10m, 7d)", text)
	number, unit := text, time.Second
	if days, ok := strings.CutSuffix(text, "d"); ok {
		number, unit = days, 24*time.Hour
	}
	if n, err := strconv.ParseInt(number, 10, 64); err == nil {
		d := time.Duration(n) * unit
		if d/unit != time.Duration(n) {
			return 0, wrong
		}
		return d, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, wrong
	}
	return d, nil
}

// formatDuration is the shortest text that parseDuration reads back.
func formatDuration(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d != 0 && d%day == 0:
		return strconv.FormatInt(int64(d/day), 10) + "d"
	case d%time.Second != 0:
		return d.String()
	case d != 0 && d%time.Hour == 0:
		return strconv.FormatInt(int64(d/time.Hour), 10) + "h"
	case d != 0 && d%time.Minute == 0:
		return strconv.FormatInt(int64(d/time.Minute), 10) + "m"
	default:
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	}
}

func parsePrefixes(text string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, part := range splitList(text) {
		if a, err := netip.ParseAddr(part); err == nil {
			list = append(list, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(part)
		if err != nil {
			return nil, fmt.Errorf("%q is not a network: write CIDRs such as 10.0.0.0/8, separated by commas", part)
		}
		list = append(list, p.Masked())
	}
	return list, nil
}

func splitList(text string) []string {
	var list []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}
