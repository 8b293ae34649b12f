package webhook

import (
	"fmt"
	"slices"
	"strings"

	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// maxFilters is how many filters one webhook has.
const maxFilters = 100

// everything is the filter that lets all types through; behind "noun." it does
// so for those of the noun.
const everything = "*"

// types are the names of the catalogue, other names of a type among them, each
// with the type's own.
func types() map[string]string {
	names := map[string]string{}
	for _, e := range event.Catalogue() {
		for _, name := range append([]string{string(e.Type)}, e.Aliases...) {
			names[name] = string(e.Type)
		}
	}
	return names
}

// Filters checks what a webhook wants to be told of and takes out what is there
// twice. A name that no event has is refused: it would be waited for in vain.
func Filters(in []string) ([]string, error) {
	if len(in) == 0 || len(in) > maxFilters {
		return nil, fault.Field("events", fmt.Sprintf(`write 1 to %d types of events, such as "user.created", "user.*" or "*"`, maxFilters))
	}
	known := types()
	var out []string
	for i, f := range in {
		if !knownFilter(known, f) {
			return nil, fault.Field(fmt.Sprintf("events.%d", i), "no type of event has this name; docs/events.md lists them")
		}
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out, nil
}

func knownFilter(known map[string]string, f string) bool {
	noun, wild := strings.CutSuffix(f, "."+everything)
	if !wild {
		return f == everything || known[f] != ""
	}
	for name := range known {
		if strings.HasPrefix(name, noun+".") {
			return noun != ""
		}
	}
	return false
}

// matcher decides which webhook is told of which event.
type matcher struct{ names map[string]string }

func newMatcher() matcher { return matcher{types()} }

// matches says whether w is told of e. It is the one place that keeps tenants
// apart: a webhook of an organization sees only what happened in it.
func (m matcher) matches(w storage.Webhook, e storage.Event) bool {
	if w.OrganizationID != "" && w.OrganizationID != e.Organization {
		return false
	}
	return slices.ContainsFunc(w.Events, func(f string) bool {
		if noun, wild := strings.CutSuffix(f, everything); wild {
			return strings.HasPrefix(e.Type, noun) // "user." or nothing
		}
		return f == e.Type || m.names[f] == e.Type
	})
}
