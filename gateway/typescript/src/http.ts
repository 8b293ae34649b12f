export const fetchTimeout = 5; // seconds
export const maxDocument = 256 << 10; // bytes
const early = 30; // seconds before its end a token is not used any more

export type Fetch = typeof globalThis.fetch;

/** No answer, or not the one that was asked for. */
export class FetchError extends Error {}

/** Seconds of a clock that nobody sets. */
export const monotonic = (): number => performance.now() / 1000;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** The one way out: bounded in size and time, and never redirected. */
export class Fetcher {
  constructor(private readonly fetch: Fetch) {}

  /** Begin a call. */
  async open(url: string, init: RequestInit): Promise<Response> {
    try {
      return await this.fetch(url, { ...init, redirect: "manual" });
    } catch (cause) {
      throw new FetchError(`${url}: ${reason(cause)}`, { cause });
    }
  }

  /** Make a call and read the answer, within a limit of bytes and seconds. */
  async get(url: string, init: RequestInit = {}, limit = maxDocument, timeout = fetchTimeout): Promise<Answer> {
    const response = await this.open(url, { ...init, signal: AbortSignal.timeout(timeout * 1000) });
    const decoder = new TextDecoder();
    let body = "", size = 0;
    try {
      for await (const chunk of response.body ?? []) {
        size += chunk.byteLength;
        if (size > limit) throw new FetchError(`${url}: an answer of more than ${limit} bytes`);
        body += decoder.decode(chunk, { stream: true });
      }
    } catch (cause) {
      throw cause instanceof FetchError ? cause : new FetchError(`${url}: ${reason(cause)}`, { cause });
    }
    return { status: response.status, headers: response.headers, body: body + decoder.decode() };
  }

  /** Read a JSON object. */
  async document(url: string): Promise<Record<string, unknown>> {
    const { status, body } = await this.get(url, { headers: { Accept: "application/json" } });
    if (status !== 200) throw new FetchError(`${url}: status ${status}`);
    const value = parse(body);
    if (!value) throw new FetchError(`${url}: no JSON object`);
    return value;
  }
}

/** What an error of fetch is about; the cause says more than it does. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

/** A JSON object, or undefined. */
export function parse(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Where the server's things are. */
export interface Endpoints {
  readonly jwks: string;
  readonly token: string;
  readonly validate: string;
  readonly snapshot: string;
  readonly stream: string;
  readonly feedKeys: string;
}

/** Read the issuer's documents. Every address must be of the issuer's own origin:
 * the client's secret goes there. */
export async function discover(http: Fetcher, issuer: string): Promise<Endpoints> {
  const base = issuer.replace(/\/$/, "");
  const openid = await http.document(`${base}/.well-known/openid-configuration`);
  if (openid["issuer"] !== issuer) {
    throw new FetchError(`discovery: the server at ${issuer} says that it is ${JSON.stringify(openid["issuer"])}`);
  }
  const own = await http.document(`${base}/.well-known/signet-configuration`);
  const at = (url: unknown): string => {
    if (typeof url !== "string" || !URL.canParse(url) || origin(url) !== origin(issuer)) {
      throw new FetchError(`discovery: ${JSON.stringify(url)} is not at the issuer`);
    }
    return url;
  };
  return {
    jwks: at(openid["jwks_uri"]),
    token: at(openid["token_endpoint"]),
    validate: at(own["validate_uri"]),
    snapshot: at(own["revocation_snapshot_uri"]),
    stream: at(own["revocation_stream_uri"]),
    feedKeys: at(own["revocation_jwks_uri"]),
  };
}

function origin(url: string): string {
  const { origin, username, password } = new URL(url);
  return username || password ? "" : origin;
}

/** The gateway's own token for the feed (RFC 6749 §4.4). */
export class Credential {
  #token = "";
  #until = -Infinity;

  constructor(
    private readonly http: Fetcher,
    private readonly endpoint: string,
    private readonly issuer: string,
    private readonly id: string,
    private readonly secret: string,
  ) {}

  /** A token, or "" where the feed is open to everybody. */
  async get(): Promise<string> {
    if (!this.id || (this.#token && monotonic() < this.#until)) return this.#token;
    // RFC 6749 §2.3.1: both halves are encoded as in a form.
    const [id, secret] = [this.id, this.secret].map((half) => new URLSearchParams({ x: half }).toString().slice(2));
    const { status, body } = await this.http.get(this.endpoint, {
      method: "POST",
      headers: { Authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`, Accept: "application/json" },
      body: new URLSearchParams({ grant_type: "client_credentials", scope: "revocations:read", resource: this.issuer }),
    });
    const said = parse(body) ?? {};
    const token = said["access_token"];
    if (typeof token !== "string" || !token) {
      throw new FetchError(`no token for the feed: status ${status} ${said["error"]}: ${said["error_description"]}`);
    }
    this.#token = token;
    this.#until = monotonic() + (Number(said["expires_in"]) || 0) - early;
    return token;
  }

  /** Drop a token that was refused. */
  forget(): void {
    this.#token = "";
  }
}
