package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/signet-idp/signet/provider/fault"
)

// Bounds of a page.
const (
	DefaultPageSize = 20
	MaxPageSize     = 100
	// maxOffset bounds how far numbered pages reach: further ones are read by
	// cursor, at constant cost.
	maxOffset = 10_000
	maxCursor = 512
)

// Paging is which part of a list is asked for: page and page_size, limit and
// offset, or a cursor from the answer before.
type Paging struct {
	Page   int // from 1
	Size   int // 1..MaxPageSize
	Offset int // 0 with a cursor
	Cursor string
	// Plain: asked for with limit or offset, as older clients do.
	Plain bool
}

// PageQuery is what ReadPaging reads: for the query types of lists to embed.
type PageQuery struct {
	Page     int    `json:"page" doc:"Page, from 1."`
	PageSize int    `json:"page_size" doc:"Items of a page: 1 to 100, 20 by default."`
	Limit    int    `json:"limit" doc:"The same as page_size."`
	Offset   int    `json:"offset" doc:"Items to pass over, instead of page."`
	Cursor   string `json:"cursor" doc:"The next_cursor of the answer before, instead of page: constant cost however far."`
}

// ReadPaging reads the query of r; fault.Invalid names what is wrong.
func ReadPaging(r *http.Request) (Paging, error) {
	q := r.URL.Query()
	p := Paging{Page: 1, Size: DefaultPageSize, Cursor: q.Get("cursor")}
	var fields []fault.FieldError
	number := func(name string, low, high, def int) int {
		if len(q[name]) == 0 {
			return def
		}
		n, err := strconv.Atoi(q.Get(name))
		if err != nil || len(q[name]) != 1 || n < low || n > high {
			fields = append(fields, fault.FieldError{
				Field: "query." + name, Message: "write a number from " + strconv.Itoa(low) + " to " + strconv.Itoa(high),
			})
			return def
		}
		return n
	}
	p.Size = number("page_size", 1, MaxPageSize, DefaultPageSize)
	p.Size = number("limit", 1, MaxPageSize, p.Size)
	p.Page = number("page", 1, maxOffset, 1)
	p.Offset = number("offset", 0, maxOffset, (p.Page-1)*p.Size)
	if q.Has("limit") || q.Has("offset") {
		p.Plain = true
		p.Page = p.Offset/p.Size + 1
	}
	if p.Offset > maxOffset {
		fields = append(fields, fault.FieldError{Field: "query.page", Message: "pages end at item " + strconv.Itoa(maxOffset) + "; go on with next_cursor"})
	}
	if len(p.Cursor) > maxCursor || len(q["cursor"]) > 1 {
		fields = append(fields, fault.FieldError{Field: "query.cursor", Message: "use the next_cursor of the answer before"})
	}
	if p.Cursor != "" {
		p.Offset = 0
	}
	if len(fields) > 0 {
		return p, &fault.Error{Code: fault.Invalid, Message: "the paging is not valid", Fields: fields}
	}
	return p, nil
}

// Describe sets X-Total-Count and Link (RFC 8288, rel next) for the answer's
// page. next is the cursor of what follows, or empty.
func (p Paging) Describe(w http.ResponseWriter, r *http.Request, total int64, next string) {
	w.Header().Set("X-Total-Count", strconv.FormatInt(total, 10))
	if next == "" {
		return
	}
	q := url.Values{"cursor": {next}, "page_size": {strconv.Itoa(p.Size)}}
	for name, values := range r.URL.Query() {
		switch name {
		case "cursor", "page", "page_size", "limit", "offset":
		default:
			q[name] = values
		}
	}
	w.Header().Set("Link", "<"+strings.TrimPrefix(r.URL.EscapedPath(), "//")+"?"+q.Encode()+`>; rel="next"`)
}

// NextCursor is the cursor for a full page of n items that ended with last;
// nil when the page was the end.
func (p Paging) NextCursor(n int, last string) *string {
	if n < p.Size || last == "" {
		return nil
	}
	return &last
}
