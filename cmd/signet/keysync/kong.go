package keysync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// kongTakes says what Kong's jwt plugin knows: RS256 and ES256 in all versions
// since 1.0, the others in some.
func kongTakes(algorithm string) bool { return algorithm == "RS256" || algorithm == "ES256" }

// KongFile is a declarative configuration of Kong (DB-less, or for deck): the
// jwt_secrets of one consumer are kept, everything else stays.
type KongFile struct{ Path, Consumer string }

// ErrKongFile says that the file is not what it should be.
var ErrKongFile = errors.New("keysync: not a declarative configuration of Kong")

// Takes says what the plugin knows.
func (KongFile) Takes(algorithm string) bool { return kongTakes(algorithm) }

// kongSecret is an entry of jwt_secrets.
type kongSecret struct {
	Consumer  string `yaml:"consumer"`
	Key       string `yaml:"key"`
	Algorithm string `yaml:"algorithm"`
	PublicKey string `yaml:"rsa_public_key"` // of any algorithm, in spite of its name
}

// Put replaces the consumer's entries of jwt_secrets, in place.
func (f KongFile) Put(_ context.Context, keys []Key) (changed bool, err error) {
	text, err := os.ReadFile(f.Path)
	if errors.Is(err, os.ErrNotExist) {
		return false, fmt.Errorf("%s is missing: signet gateway config kong prints one: %w", f.Path, err)
	}
	if err != nil {
		return false, fmt.Errorf("keysync: %w", err)
	}
	out, err := f.edit(text, keys)
	if err != nil {
		return false, fmt.Errorf("%w: %s: %w", ErrKongFile, f.Path, err)
	}
	return replace(f.Path, out)
}

func (f KongFile) edit(text []byte, keys []Key) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("it is no mapping")
	}
	root := doc.Content[0]
	if member(root, "_format_version") == nil {
		return nil, errors.New("it has no _format_version")
	}
	secrets := member(root, "jwt_secrets")
	if secrets == nil {
		secrets = &yaml.Node{Kind: yaml.SequenceNode}
		root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "jwt_secrets"}, secrets)
	}
	if secrets.Kind != yaml.SequenceNode { // jwt_secrets: with nothing behind
		if secrets.Kind != yaml.ScalarNode || secrets.Tag != "!!null" {
			return nil, errors.New("jwt_secrets is no list")
		}
		*secrets = yaml.Node{Kind: yaml.SequenceNode}
	}
	var kept []*yaml.Node
	for _, entry := range secrets.Content {
		if c := member(entry, "consumer"); c == nil || c.Value != f.Consumer {
			kept = append(kept, entry)
		}
	}
	for _, k := range keys {
		var entry yaml.Node
		if err := entry.Encode(kongSecret{f.Consumer, k.KID, k.Algorithm, k.PEM}); err != nil {
			return nil, err
		}
		kept = append(kept, &entry)
	}
	secrets.Content, secrets.Style = kept, 0
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(&doc), enc.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// member finds a member of a mapping, or nil.
func member(n *yaml.Node, name string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// samePEM compares keys as they are kept: Kong trims what it is given.
func samePEM(a, b string) bool { return strings.TrimSpace(a) == strings.TrimSpace(b) }
