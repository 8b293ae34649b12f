package event

import (
	"encoding/json"
	"fmt"

	"github.com/signet-idp/signet/storage"
)

// Envelope is an event as everybody outside reads it, from Kafka and from GET
// /events: a CloudEvent in structured mode (CloudEvents 1.0.2, JSON format 1.0.2)
// with the members that readers of the system before this one know. Nothing
// personal is in it but what an operator has asked for, on Kafka only.
type Envelope struct {
	ID           string          `json:"id"`
	Type         string          `json:"type"`
	Data         json.RawMessage `json:"data" doc:"Ids, enumerations and counts, as the type declares them."`
	Timestamp    string          `json:"timestamp" format:"date-time"` // RFC 3339, UTC, microseconds
	Service      string          `json:"service"`
	Version      string          `json:"version" doc:"Of this form."`
	SpecVersion  string          `json:"specversion" doc:"Of CloudEvents."`
	Source       string          `json:"source" doc:"The issuer."`
	Subject      string          `json:"subject,omitempty" doc:"The id of what it is about."`
	Organization string          `json:"organization_id,omitempty"`
	Actor        EnvelopeActor   `json:"actor"`
	Request      string          `json:"request_id,omitempty"`
	TraceParent  string          `json:"traceparent,omitempty" doc:"The trace it happened in (W3C Trace Context)."`
	Seq          int64           `json:"seq" doc:"Its place in the record, from 1."`
	// Personal is what is sealed in the event, opened.
	Personal map[string]string `json:"personal,omitempty"`
}

// EnvelopeActor is who did it.
type EnvelopeActor struct {
	ID   string `json:"id"`
	Kind string `json:"kind" enum:"user,client,system"`
}

// EnvelopeMediaType is what an encoded Envelope is.
const EnvelopeMediaType = "application/cloudevents+json; charset=UTF-8"

const (
	envelopeVersion = "1.0"
	cloudEvents     = "1.0"
)

// Origin is what every envelope of an installation says about it.
type Origin struct {
	Source  string // the issuer
	Service string // the name of the service
}

// Envelope puts e into its envelope.
func (o Origin) Envelope(e storage.Event) Envelope {
	data := json.RawMessage(e.Data)
	if len(data) == 0 {
		data = json.RawMessage("{}")
	}
	return Envelope{
		ID: e.ID, Type: e.Type, Data: data, Timestamp: e.Time.UTC().Format("2006-01-02T15:04:05.000000Z"),
		Service: o.Service, Version: envelopeVersion, SpecVersion: cloudEvents, Source: o.Source,
		Subject: e.Subject, Organization: e.Organization, Actor: EnvelopeActor{ID: e.Actor, Kind: e.ActorKind},
		Request: e.Request, TraceParent: e.TraceParent, Seq: e.Seq,
	}
}

// Encode returns the envelope's JSON.
func (e Envelope) Encode() ([]byte, error) {
	raw, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("event: envelope of %s: %w", e.ID, err)
	}
	return raw, nil
}
