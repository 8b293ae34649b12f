package readme

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

var (
	formAction = regexp.MustCompile(`<form[^>]*action="([^"]*)"`)
	inputTag   = regexp.MustCompile(`<(?:input|button)[^>]*>`)
	attribute  = regexp.MustCompile(`\b(name|value|id)="([^"]*)"`)
)

// signIn does what a person does with the address that `signet token get`
// prints: opens it, fills the form that the hosted page shows, and lets the
// browser go where the answer sends it.
func signIn(ctx context.Context, address, email, password string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	browser := &http.Client{Jar: jar}
	at, page, err := visit(ctx, browser, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	action, fields := form(page)
	fields.Set("username", email)
	fields.Set("password", password)
	target, err := at.Parse(action)
	if err != nil {
		return err
	}
	if _, page, err = visit(ctx, browser, http.MethodPost, target.String(), fields); err != nil {
		return err
	}
	if !strings.Contains(page, "Done.") {
		return fmt.Errorf("the browser did not come back to the terminal; it shows:\n%.600s", page)
	}
	return nil
}

func visit(ctx context.Context, browser *http.Client, method, address string, fields url.Values) (*url.URL, string, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(fields.Encode()))
	if err != nil {
		return nil, "", err
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := browser.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s\n%.600s", method, address, resp.Status, body)
	}
	return resp.Request.URL, string(body), err
}

// form reads a page's form: where it goes, its hidden inputs, and the button
// that a person presses to go on (login-submit).
func form(page string) (action string, fields url.Values) {
	fields = url.Values{}
	if m := formAction.FindStringSubmatch(page); m != nil {
		action = html.UnescapeString(m[1])
	}
	for _, tag := range inputTag.FindAllString(page, -1) {
		has := map[string]string{}
		for _, m := range attribute.FindAllStringSubmatch(tag, -1) {
			has[m[1]] = html.UnescapeString(m[2])
		}
		if value, ok := has["value"]; ok && has["name"] != "" && (strings.HasPrefix(tag, "<input") || has["id"] == "login-submit") {
			fields.Set(has["name"], value)
		}
	}
	return action, fields
}
