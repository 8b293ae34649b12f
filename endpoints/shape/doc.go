// Package shape holds the objects of the JSON API that more than one surface
// answers with: User, Organization, Member, Page. Every member is always
// present: null when unknown, [] and {} when empty; there is no omitempty here.
// Golden files pin each shape.
package shape
