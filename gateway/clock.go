package gateway

import "time"

// instant is the process's own clock: for how long something took, which is
// what no clock that can be set may decide. What is judged by the time of day
// goes by Config.Now.
func instant() time.Time {
	return time.Now() //nolint:forbidigo // the one place; this package takes nothing from internal/clock
}
