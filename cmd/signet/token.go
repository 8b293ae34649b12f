package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/spf13/cobra"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// newTokenCommand makes `signet token`: what an application does with a
// provider, for trying one out. It speaks to any OpenID provider by discovery
// and knows nothing of this one.
func newTokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Get tokens as an application would, and look into them",
	}
	cmd.AddCommand(newTokenGetCommand(), newTokenInspectCommand())
	return cmd
}

const defaultIssuer = "http://localhost:8001"

type tokenGet struct {
	issuer, client, secret, scope, listen string
	resources                             []string
	service                               bool
	timeout                               time.Duration
}

func newTokenGetCommand() *cobra.Command {
	var o tokenGet
	cmd := &cobra.Command{
		Use:   "get",
		Short: "Log a person in with authorization code + PKCE, or get a service's token",
		Long: `Log a person in with authorization code + PKCE: prints the address of the
hosted page, waits for the browser to come back to a loopback port, and prints
the tokens as JSON. With --service it uses client credentials instead.`,
		Example: `  signet token get --client web
  signet token get --client orders --service --secret "$SECRET" --scope orders:read`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.secret == "" {
				o.secret = os.Getenv("SIGNET_CLIENT_SECRET")
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), o.timeout)
			defer cancel()
			token, err := o.run(ctx, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			enc := json.NewEncoder(cmd.OutOrStdout())
			enc.SetIndent("", "  ")
			return enc.Encode(token) //nolint:gosec // printing the tokens is what the command is for
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.issuer, "issuer", defaultIssuer, "issuer URL of the provider")
	f.StringVar(&o.client, "client", "web", "client_id")
	f.StringVar(&o.secret, "secret", "", "client secret; better in SIGNET_CLIENT_SECRET")
	f.StringVar(&o.scope, "scope", "", "scopes, space-separated (default: openid profile email offline_access organization roles; for a service: its own)")
	f.StringVar(&o.listen, "listen", "127.0.0.1:9000", "loopback address of the redirect URI /callback")
	f.StringArrayVar(&o.resources, "resource", nil, "resource the access token is for (RFC 8707); may repeat")
	f.BoolVar(&o.service, "service", false, "client credentials: no person")
	f.DurationVar(&o.timeout, "timeout", 5*time.Minute, "how long to wait for the person")
	return cmd
}

// tokens are what the token endpoint answered.
type tokens struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
}

func (o *tokenGet) run(ctx context.Context, talk io.Writer) (*tokens, error) {
	provider, err := oidc.NewProvider(ctx, o.issuer)
	if err != nil {
		return nil, fmt.Errorf("token: no provider answers at %s; is `signet serve` running? %w", o.issuer, err)
	}
	if o.service {
		cc := clientcredentials.Config{
			ClientID: o.client, ClientSecret: o.secret, TokenURL: provider.Endpoint().TokenURL, Scopes: strings.Fields(o.scope),
			AuthStyle: oauth2.AuthStyleInHeader, EndpointParams: map[string][]string{},
		}
		if len(o.resources) > 0 {
			cc.EndpointParams["resource"] = o.resources
		}
		t, err := cc.Token(ctx)
		if err != nil {
			return nil, fmt.Errorf("token: %w", err)
		}
		return answer(t), nil
	}
	return o.login(ctx, provider, talk)
}

func answer(t *oauth2.Token) *tokens {
	id, _ := t.Extra("id_token").(string)
	return &tokens{
		AccessToken: t.AccessToken, TokenType: t.TokenType, ExpiresIn: t.ExpiresIn, RefreshToken: t.RefreshToken, IDToken: id,
	}
}

func (o *tokenGet) login(ctx context.Context, provider *oidc.Provider, talk io.Writer) (*tokens, error) {
	scope := o.scope
	if scope == "" {
		scope = "openid profile email offline_access organization roles"
	}
	listener, err := net.Listen("tcp", o.listen) //nolint:noctx // listening is instant
	if err != nil {
		return nil, fmt.Errorf("token: cannot listen for the browser: %w; choose another port with --listen", err)
	}
	defer listener.Close()
	cfg := oauth2.Config{
		ClientID: o.client, ClientSecret: o.secret, Endpoint: provider.Endpoint(), Scopes: strings.Fields(scope),
		RedirectURL: "http://" + listener.Addr().String() + "/callback",
	}
	cfg.Endpoint.AuthStyle = oauth2.AuthStyleInParams // do not try two ways
	if o.secret != "" {
		cfg.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	}
	verifier, state := oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier), oidc.Nonce(state)}
	for _, r := range o.resources {
		options = append(options, oauth2.SetAuthURLParam("resource", r))
	}
	fmt.Fprintf(talk, "Open this address and sign in:\n\n  %s\n\n", cfg.AuthCodeURL(state, options...))
	code, err := awaitCode(ctx, listener, state, o.issuer)
	if err != nil {
		return nil, err
	}
	t, err := cfg.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	out := answer(t)
	id, err := provider.Verifier(&oidc.Config{ClientID: o.client, SupportedSigningAlgs: signingAlgs()}).Verify(ctx, out.IDToken)
	if err != nil {
		return nil, fmt.Errorf("token: ID token: %w", err)
	}
	if id.Nonce != state {
		return nil, errors.New("token: ID token: the nonce is not ours")
	}
	return out, nil
}

func signingAlgs() []string { return []string{"RS256", "PS256", "ES256", "EdDSA"} }

// awaitCode serves the redirect URI until the browser comes back.
func awaitCode(ctx context.Context, l net.Listener, state, issuer string) (string, error) {
	type result struct {
		code string
		err  error
	}
	back := make(chan result, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		res := result{code: q.Get("code")}
		switch {
		case q.Get("state") != state || (q.Has("iss") && q.Get("iss") != issuer):
			http.Error(w, "This answer does not belong to the login that is waiting.", http.StatusBadRequest)
			return
		case q.Get("error") != "":
			res.err = fmt.Errorf("token: the provider answered %s: %s", q.Get("error"), q.Get("error_description"))
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "Done. You can close this window and go back to the terminal.\n")
		select {
		case back <- res:
		default:
		}
	})
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	defer srv.Close()
	go func() { _ = srv.Serve(l) }()
	select {
	case <-ctx.Done():
		return "", errors.New("token: nobody came back from the sign-in page; try again, or wait longer with --timeout")
	case res := <-back:
		return res.code, res.err
	}
}

func newTokenInspectCommand() *cobra.Command {
	var issuer string
	var raw bool
	cmd := &cobra.Command{
		Use:   "inspect [TOKEN]",
		Short: "Verify a token with nothing but the provider's JWKS and show what it says",
		Long: `Verify a JWT's signature, issuer and expiry with the keys that the issuer
publishes, and print its claims. Reads the token from the argument or standard
input, where the JSON answer of a token endpoint will do too.`,
		Example: `  signet token get --client web | signet token inspect`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			token, err := readToken(cmd.InOrStdin(), args)
			if err != nil {
				return err
			}
			if raw {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), token)
				return err
			}
			claims, err := inspect(cmd.Context(), issuer, token)
			if err != nil {
				return err
			}
			enc := json.NewEncoder(cmd.OutOrStdout())
			enc.SetIndent("", "  ")
			return enc.Encode(claims)
		},
	}
	cmd.Flags().StringVar(&issuer, "issuer", defaultIssuer, "issuer URL of the provider")
	cmd.Flags().BoolVar(&raw, "raw", false, "only print the access token found in the input, unverified")
	return cmd
}

const maxToken = 64 << 10

func readToken(in io.Reader, args []string) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	b, err := io.ReadAll(io.LimitReader(in, maxToken))
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	text := strings.TrimSpace(string(b))
	if strings.HasPrefix(text, "{") {
		var t tokens
		if err := json.Unmarshal([]byte(text), &t); err != nil {
			return "", fmt.Errorf("token: the input is not a token answer: %w", err)
		}
		text = t.AccessToken
	}
	if text == "" {
		return "", errors.New("token: nothing to inspect: give a token as argument or on standard input")
	}
	return text, nil
}

func inspect(ctx context.Context, issuer, token string) (map[string]any, error) {
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, fmt.Errorf("token: no provider answers at %s: %w", issuer, err)
	}
	verified, err := provider.Verifier(&oidc.Config{SkipClientIDCheck: true, SupportedSigningAlgs: signingAlgs()}).Verify(ctx, token)
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	var claims map[string]any
	if err := verified.Claims(&claims); err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	return claims, nil
}
