package access

import "strings"

// Bounds of a role definition.
const (
	maxPermission  = 128 // bytes of one permission
	MaxPermissions = 256 // permissions of one role
)

// systemResource is the first segment of resources that belong to the whole
// installation.
const systemResource = "system"

// ValidPermission says whether p is an action:resource that a custom role may
// hold: [a-z][a-z0-9_-]*:[a-z*][a-z0-9_:*-]*, at most 128 bytes. The resource
// may have several segments between colons, none empty; "*" stands for a whole
// segment and, as the last one, for everything below. The action has no
// wildcard: what a role does must be readable from its list.
func ValidPermission(p string) bool {
	action, resource, ok := strings.Cut(p, ":")
	if !ok || len(p) > maxPermission || !validWord(action, true) {
		return false
	}
	for i, segment := range strings.Split(resource, ":") {
		if segment != "*" && !validWord(segment, i == 0) {
			return false
		}
	}
	return true
}

func validWord(s string, letterFirst bool) bool {
	if s == "" || letterFirst && !lower(s[0]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !lower(c) && !digit(c) && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// OfSystem says whether a permission acts on the whole installation.
func OfSystem(p string) bool {
	_, resource, _ := strings.Cut(p, ":")
	first, _, _ := strings.Cut(resource, ":")
	return first == systemResource
}

// Covers says whether holding the permission held includes wanted. Both may
// hold wildcards; what wanted's wildcard reaches must be reached by held's. A
// first segment "*" does not reach "system".
func Covers(held, wanted string) bool {
	if held == wanted {
		return true
	}
	heldAction, h, ok := strings.Cut(held, ":")
	if !ok {
		return false
	}
	wantedAction, w, ok := strings.Cut(wanted, ":")
	if !ok || heldAction != wantedAction {
		return false
	}
	for first := true; ; first = false {
		hs, hrest, hmore := strings.Cut(h, ":")
		ws, wrest, wmore := strings.Cut(w, ":")
		switch {
		case hs == "*":
			if first && ws == systemResource {
				return false
			}
			if !hmore { // the last segment: everything from here on
				return true
			}
		case hs != ws:
			return false
		}
		if !hmore || !wmore {
			return hmore == wmore
		}
		h, w = hrest, wrest
	}
}

// CoversAll says whether the permissions held include every one of wanted, and
// names the first that they do not.
func CoversAll(held, wanted []string) (missing string, ok bool) {
	for _, w := range wanted {
		if covering(held, w) == "" {
			return w, false
		}
	}
	return "", true
}

// covering returns the permission of held that includes wanted, or "".
func covering(held []string, wanted string) string {
	for _, h := range held {
		if Covers(h, wanted) {
			return h
		}
	}
	return ""
}
