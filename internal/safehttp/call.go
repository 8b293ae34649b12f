package safehttp

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Request is a call to make.
type Request struct {
	Method string
	URL    string
	Header http.Header // may be nil
	Body   string
}

// Response is what came of it.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do makes a call and reads its answer, whatever the status; a redirect is an
// answer like others. It returns ErrURL, ErrAddress, ErrTooLarge, ErrEncoding,
// the context's error, or a network error.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	response, err := c.do(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("safehttp: %w", err)
	}
	return response, nil
}

func (c *Client) do(ctx context.Context, r Request) (*Response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	response, err := c.begin(ctx, r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if encoding := response.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, ErrEncoding
	}
	if response.ContentLength > c.options.MaxBody {
		return nil, ErrTooLarge
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, c.options.MaxBody+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if int64(len(body)) > c.options.MaxBody {
		return nil, ErrTooLarge
	}
	return &Response{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}

// Tell makes a call of which the status and the header matter and nothing else:
// whatever the body is, of it at most MaxBody is read, and dropped. Errors as
// those of Do, but for those about the body.
func (c *Client) Tell(ctx context.Context, r Request) (status int, header http.Header, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	response, err := c.begin(ctx, r)
	if err != nil {
		return 0, nil, fmt.Errorf("safehttp: %w", err)
	}
	defer response.Body.Close()
	// To the end, if it is near: then the connection can be used again.
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, c.options.MaxBody))
	return response.StatusCode, response.Header, nil
}

// begin sends the request and reads the head of the answer.
func (c *Client) begin(ctx context.Context, r Request) (*http.Response, error) {
	u, err := c.CheckURL(r.URL)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, u.String(), strings.NewReader(r.Body))
	if err != nil {
		return nil, ErrURL
	}
	if r.Header != nil {
		request.Header = r.Header.Clone()
	}
	request.Header.Set("User-Agent", c.options.UserAgent)
	request.Header.Set("Accept-Encoding", "identity")

	transport := c.secure
	if u.Scheme == "http" {
		transport = c.plain
	}
	// The bare transport: no redirects, no cookies, no referrers.
	return transport.RoundTrip(request)
}

// Get reads a document: any status but 200 is ErrStatus. accept is the Accept
// header, or "".
func (c *Client) Get(ctx context.Context, url, accept string) (body []byte, header http.Header, err error) {
	request := Request{Method: http.MethodGet, URL: url, Header: http.Header{}}
	if accept != "" {
		request.Header.Set("Accept", accept)
	}
	response, err := c.Do(ctx, request)
	if err != nil {
		return nil, nil, err
	}
	if response.Status != http.StatusOK {
		return nil, nil, fmt.Errorf("safehttp: get: %w %d", ErrStatus, response.Status)
	}
	return response.Body, response.Header, nil
}

// PostForm delivers a form and gives the status of the answer, whose body is
// read within the bounds and dropped.
func (c *Client) PostForm(ctx context.Context, url string, form url.Values) (status int, err error) {
	response, err := c.Do(ctx, Request{
		Method: http.MethodPost, URL: url, Body: form.Encode(),
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
	})
	if err != nil {
		return 0, err
	}
	return response.Status, nil
}
