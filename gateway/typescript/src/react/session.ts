import { InMemoryWebStorage, UserManager, WebStorageStateStore, type User } from "oidc-client-ts";

/** How an application signs people in. */
export interface SignetOptions {
  /** The server's issuer URL, as in its discovery document. */
  issuer: string;
  /** A public client with the grants authorization_code and refresh_token. */
  clientId: string;
  /** The API that the tokens are for (RFC 8707): what it finds in aud. */
  resource?: string;
  /** Default: openid profile. */
  scope?: string;
  /** Where the login comes back to; registered with the client. Default: the
   * page's origin and "/". */
  redirectUri?: string;
  /** Where the logout comes back to; registered with the client. Default: the
   * same. */
  postLogoutRedirectUri?: string;
  /** Whether a page that was loaded anew asks the server, in a hidden frame, if the
   * person is signed in still. That takes an issuer of the same site; elsewhere
   * browsers keep its cookies back. Default: true. */
  restore?: boolean;
}

/** What a login may ask for. */
export interface LoginOptions {
  /** aal2, aal3: the answer to insufficient_user_authentication. */
  acr?: string;
  /** In seconds: that the person has signed in no longer ago. */
  maxAge?: number;
  /** The organization to act in, by id or slug. */
  organization?: string;
  /** Where the application goes on afterwards. Default: where it is. */
  returnTo?: string;
}

export type State =
  | { readonly status: "loading"; readonly profile: undefined; readonly error: undefined }
  | { readonly status: "signed-out"; readonly profile: undefined; readonly error: Error | undefined }
  | { readonly status: "signed-in"; readonly profile: User["profile"]; readonly error: undefined };

const loading: State = { status: "loading", profile: undefined, error: undefined };

const here = (): string => location.pathname + location.search + location.hash;

/** A person's session in this page. Tokens are in memory: nothing that reads the
 * browser's storage finds them, and a page that is loaded anew has none. */
export class Session {
  readonly #manager: UserManager;
  readonly #restore: boolean;
  readonly #listeners = new Set<() => void>();
  #state: State = loading;
  #started: Promise<void> | undefined;
  #renewing: Promise<User | null> | undefined;

  constructor(o: SignetOptions) {
    const redirect = o.redirectUri ?? `${location.origin}/`;
    this.#restore = o.restore ?? true;
    this.#manager = new UserManager({
      authority: o.issuer,
      client_id: o.clientId,
      redirect_uri: redirect,
      silent_redirect_uri: redirect,
      post_logout_redirect_uri: o.postLogoutRedirectUri ?? redirect,
      scope: o.scope ?? "openid profile",
      ...(o.resource !== undefined && { resource: o.resource }),
      response_type: "code", // with PKCE, S256
      userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
      // The verifier and nonce of a login under way must outlive the redirect.
      stateStore: new WebStorageStateStore({ store: sessionStorage }),
      automaticSilentRenew: true,
      silentRequestTimeoutInSeconds: 10,
    });
    const { events } = this.#manager;
    events.addUserLoaded((user) => this.#signedIn(user));
    events.addUserUnloaded(() => this.#signedOut());
    events.addAccessTokenExpired(() => void this.#manager.removeUser());
  }

  /** What is known now; the same object until it changes. */
  get state(): State {
    return this.#state;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Take the answer of a login or logout from the address, or ask whether the
   * person is signed in; once, however often it is called. */
  start(): Promise<void> {
    return (this.#started ??= this.#start());
  }

  async #start(): Promise<void> {
    const answer = new URLSearchParams(location.search);
    const url = location.href;
    try {
      if (answer.has("state") && (answer.has("code") || answer.has("error"))) {
        clean(location.pathname); // no code in the history
        // In a hidden frame the answer goes to the page around it.
        const user = await this.#manager.signinCallback(url);
        if (user) clean(returnTo(user.state));
        return;
      }
      if (answer.has("state")) {
        clean(location.pathname);
        await this.#manager.signoutRedirectCallback(url);
        return this.#signedOut();
      }
      if (this.#restore && window.parent === window && (await this.#manager.signinSilent())) return;
      this.#signedOut();
    } catch (error) {
      this.#signedOut(silent(error) ? undefined : asError(error));
    }
  }

  /** Go to the server's pages; the browser leaves. */
  async login(o: LoginOptions = {}): Promise<void> {
    await this.#manager.signinRedirect({
      state: { returnTo: o.returnTo ?? here() },
      ...(o.acr !== undefined && { acr_values: o.acr }),
      ...(o.maxAge !== undefined && { max_age: o.maxAge }),
      ...(o.organization !== undefined && { extraQueryParams: { organization: o.organization } }),
    });
  }

  /** End the session at the server, too; the browser leaves. */
  async logout(): Promise<void> {
    await this.#manager.signoutRedirect();
  }

  /** An access token that is good for a while, or undefined when signed out. */
  async token(): Promise<string | undefined> {
    const user = await this.#manager.getUser();
    if (user && !user.expired) return user.access_token;
    return user ? (await this.#renew())?.access_token : undefined;
  }

  /** fetch with the access token. An answer that the token is not good (roles have
   * changed, the session has ended) makes it be renewed and the request repeated,
   * once; when that fails the person is signed out. */
  fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const again = request.clone();
    const response = await send(request, await this.token());
    if (response.status !== 401 || !/error="invalid_token"/.test(response.headers.get("WWW-Authenticate") ?? "")) {
      return response;
    }
    const user = await this.#renew();
    return user ? send(again, user.access_token) : response;
  };

  /** Get a new token, once for all who ask at a time. */
  #renew(): Promise<User | null> {
    return (this.#renewing ??= this.#manager
      .signinSilent()
      .catch(async () => {
        await this.#manager.removeUser();
        return null;
      })
      .finally(() => (this.#renewing = undefined)));
  }

  #signedIn(user: User): void {
    this.#set({ status: "signed-in", profile: user.profile, error: undefined });
  }

  #signedOut(error?: Error): void {
    this.#set({ status: "signed-out", profile: undefined, error });
  }

  #set(state: State): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

function send(request: Request, token: string | undefined): Promise<Response> {
  if (token !== undefined) request.headers.set("Authorization", `Bearer ${token}`);
  return fetch(request);
}

function clean(path: string): void {
  history.replaceState(null, "", path);
}

/** Where a login was begun; only ever a path of this page's origin. */
function returnTo(state: unknown): string {
  const path = (state as { returnTo?: unknown } | null)?.returnTo;
  return typeof path === "string" && /^\/(?![/\\])/.test(path) ? path : "/";
}

/** Not an error of a question that nobody was asked: nobody is signed in. */
function silent(error: unknown): boolean {
  const code = (error as { error?: unknown } | null)?.error;
  return ["login_required", "interaction_required", "consent_required"].includes(String(code)) ||
    (error instanceof Error && error.name === "ErrorTimeout");
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
