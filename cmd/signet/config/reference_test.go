package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the reference page anew")

const page = "../../../docs/configuration.md"

func TestReferencePage(t *testing.T) {
	var want bytes.Buffer
	if err := WriteDocs(&want); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(page, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("docs/configuration.md is out of date: go generate ./cmd/signet/config")
	}
}

func TestSchemaHoldsEverySetting(t *testing.T) {
	var b bytes.Buffer
	if err := WriteSchema(&b); err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(b.Bytes(), &schema); err != nil {
		t.Fatal(err)
	}
	for _, s := range Settings() {
		if s.Key == "dev" {
			continue
		}
		at := schema
		for part := range strings.SplitSeq(s.Key, ".") {
			props, _ := at["properties"].(map[string]any)
			at, _ = props[part].(map[string]any)
		}
		if at == nil || at["description"] == "" || at["type"] == nil {
			t.Errorf("%s: %v", s.Key, at)
		}
		if pattern, ok := at["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(s.Default) {
			t.Errorf("%s: the default %q breaks the pattern", s.Key, s.Default)
		}
	}
}

func TestSettingsAreConsistent(t *testing.T) {
	env, flags := map[string]string{}, map[string]string{}
	var keys []string
	for _, s := range Settings() {
		keys = append(keys, s.Key)
		if s.Doc == "" || !strings.HasSuffix(s.Doc, ".") {
			t.Errorf("%s: the doc is no sentence", s.Key)
		}
		for _, e := range s.Env {
			if other := env[e]; other != "" || injected.MatchString(e) {
				t.Errorf("%s: %s is taken by %q or by Kubernetes", s.Key, e, other)
			}
			env[e] = s.Key
		}
		if other := flags[s.Flag]; s.Flag != "" && other != "" {
			t.Errorf("%s and %s share --%s", s.Key, other, s.Flag)
		}
		flags[s.Flag] = s.Key
		if s.Enum != nil && s.Default != "" && !slices.Contains(s.Enum, s.Default) {
			t.Errorf("%s: the default is not among its choices", s.Key)
		}
	}
	pinned := []string{
		"SIGNET_ADDR", "SIGNET_ISSUER", "SIGNET_DATABASE_URL", "SIGNET_REDIS_URL", "SIGNET_KAFKA_BROKERS", "SIGNET_MASTER_KEY",
		"SIGNET_SMTP_URL", "SIGNET_SMS_URL", "SIGNET_TLS_CERT", "SIGNET_TLS_KEY", "SIGNET_TRUSTED_PROXIES", "SIGNET_OPS_ADDR",
		"SIGNET_REVOCATION_MAX_STALE", "SIGNET_ALLOW_PRIVATE_FETCH", "SIGNET_EXTRA_CA", "SIGNET_REGISTRATION",
		"SIGNET_EMAIL_VERIFICATION", "SIGNET_REVOCATIONS_OPEN", "SIGNET_CLOCK_OFFSET", "DATABASE_URL", "REDIS_URL",
	}
	for _, name := range pinned {
		if env[name] == "" {
			t.Errorf("no setting is set by %s", name)
		}
	}
	for _, key := range keys {
		if strings.Count(key, ".") > 1 {
			t.Errorf("%s nests twice; Print writes one level", key)
		}
	}
}
