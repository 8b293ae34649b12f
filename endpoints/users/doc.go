// Package users serves the JSON API's routes about people: lists, profiles,
// preferences, contact, dashboards and activity, and the dashboard of an
// organization. Whom a caller may see, and how much of them, every handler asks
// the directory first.
package users
