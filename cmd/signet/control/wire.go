package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/signet-idp/signet/provider/apply"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// prefix of the paths; a change that an older command would misread takes the next.
const prefix = "/v1/"

// maxMessage bounds one request and one answer.
const maxMessage = 64 << 20

// wireError is an error on its way through the socket.
type wireError struct {
	Code     string             `json:"code"`
	Message  string             `json:"message"`
	Fields   []fault.FieldError `json:"fields,omitempty"`
	Problems []apply.Problem    `json:"problems,omitempty"`
}

const (
	codeFile        = "file"
	codeUnavailable = "storage_unavailable"
)

func writeError(w http.ResponseWriter, err error) {
	out := wireError{Message: err.Error()}
	if file, ok := errors.AsType[*apply.Error](err); ok {
		out.Code, out.Problems = codeFile, file.Problems
	} else if f, ok := errors.AsType[*fault.Error](err); ok {
		out.Code, out.Message, out.Fields = f.Code.String(), f.Message, f.Fields
	} else if errors.Is(err, storage.ErrUnavailable) {
		out.Code = codeUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnprocessableEntity)
	_ = json.NewEncoder(w).Encode(out) // the peer is gone, or reads it
}

// error makes it the error that it was.
func (e wireError) error() error {
	switch e.Code {
	case codeFile:
		return &apply.Error{Problems: e.Problems}
	case codeUnavailable:
		return fmt.Errorf("server: %s: %w", e.Message, storage.ErrUnavailable)
	case "":
		return fmt.Errorf("server: %s", e.Message)
	}
	for c := fault.Code(0); c < fault.Codes; c++ {
		if c.String() == e.Code {
			return &fault.Error{Code: c, Message: e.Message, Fields: e.Fields}
		}
	}
	return fmt.Errorf("server: %s: %s", e.Code, e.Message)
}

// none is the request of an operation that takes nothing.
type none struct{}
