import { setTimeout as pause } from "node:timers/promises";

import { Events, FeedError, Resync, type Feed, type Stream } from "./feed.js";
import { FetchError, monotonic, type Credential, type Endpoints, type Fetcher } from "./http.js";

const maxSnapshot = 64 << 20; // bytes
const [retryFirst, retryMost] = [0.05, 2]; // seconds
// A proxy that holds a stream back until it ends makes it silent: after so many
// such streams in a row the follower polls, and tries a stream again later.
const mute = 2;
const pollFor = 300; // seconds

/** Keeps a Feed up to date. */
export class Follower {
  #mute = 0;
  #pollUntil = -Infinity;
  #first!: () => void;
  /** The first heartbeat. */
  readonly first = new Promise<void>((resolve) => (this.#first = resolve));

  constructor(
    readonly feed: Feed,
    private readonly http: Fetcher,
    private readonly at: Endpoints,
    private readonly credential: Credential,
    private readonly heard: (staleness: number) => void,
    private readonly trouble: (error: unknown) => void,
    /** Seconds a stream may say nothing: heartbeats come every second. */
    private readonly silence = 4,
  ) {}

  /** Follow the feed until signal. */
  async run(signal: AbortSignal): Promise<void> {
    let wait = retryFirst, failing = false;
    while (!signal.aborted) {
      const { heard, why } = await this.#session(signal);
      if (heard) [wait, failing] = [retryFirst, false];
      if (why instanceof Resync) this.feed.lost();
      if (why && !failing && !signal.aborted) {
        failing = true;
        this.trouble(why);
      }
      await pause(wait * 1000, undefined, { signal, ref: false }).catch(() => undefined);
      wait = Math.min(2 * wait, retryMost);
    }
  }

  /** Read a snapshot. */
  async load(): Promise<void> {
    const headers = await this.#headers("application/revocations+jwt");
    const a = await this.http.get(this.at.snapshot, { headers }, maxSnapshot, 20);
    this.#judge(a.status);
    await this.feed.begin(a.body.trim());
  }

  async #headers(accept: string): Promise<Record<string, string>> {
    const token = await this.credential.get();
    return token ? { Accept: accept, Authorization: `Bearer ${token}` } : { Accept: accept };
  }

  #judge(status: number): void {
    if (status === 401) this.credential.forget();
    if (status !== 200) throw new FetchError(`feed: status ${status}`);
  }

  /** One connection: a snapshot if need be, then the stream until it ends. Says
   * whether a heartbeat came, and what was wrong. */
  async #session(signal: AbortSignal): Promise<{ heard: boolean; why: unknown }> {
    const connection = new AbortController();
    const end = (): void => connection.abort();
    signal.addEventListener("abort", end, { once: true });
    // Nothing heard for a while is a connection that died without a word.
    let silent = false;
    const watch = setTimeout(() => {
      silent = true;
      end();
    }, this.silence * 1000).unref();
    let stream: Stream | undefined, why: unknown, opened = false;
    try {
      if (!this.feed.synced) await this.load();
      const headers = await this.#headers("text/event-stream");
      watch.refresh();
      const poll = monotonic() < this.#pollUntil ? "&wait=20" : "";
      stream = this.feed.connect();
      const url = `${this.at.stream}?after=${this.feed.list?.head ?? 0}${poll}`;
      const response = await this.http.open(url, { headers, signal: connection.signal });
      this.#judge(response.status);
      opened = true;
      await this.#listen(response, stream, watch);
    } catch (error) {
      why = silent ? new FetchError("feed: nothing was said for a while") : error;
    } finally {
      clearTimeout(watch);
      signal.removeEventListener("abort", end);
      end();
    }
    const heard = stream?.heard ?? false;
    if (silent && opened) this.#silent(heard);
    return { heard, why: why instanceof FeedError || !signal.aborted ? why : undefined };
  }

  async #listen(response: Response, stream: Stream, watch: NodeJS.Timeout): Promise<void> {
    const events = new Events(), decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      for (const [name, data] of events.feed(decoder.decode(chunk, { stream: true }))) {
        await stream.handle(name, data);
        watch.refresh();
        const staleness = this.feed.age();
        if (name === "heartbeat" && staleness < Infinity) {
          this.#mute = 0;
          this.#first();
          this.heard(staleness);
        }
      }
    }
  }

  #silent(heard: boolean): void {
    this.#mute = heard ? 0 : this.#mute + 1;
    if (this.#mute >= mute) {
      this.#mute = 0;
      this.#pollUntil = monotonic() + pollFor;
    }
  }
}
