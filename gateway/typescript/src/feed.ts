import { malformed, Refused } from "./errors.js";
import { Members } from "./json.js";
import { openJws, type Keys } from "./jws.js";
import { Revocations, type Entry } from "./revocations.js";

const typeRevocations = "revocations+jwt";
const typeHeartbeat = "heartbeat+jwt";
const algorithms = ["ES256", "EdDSA"];

/** Of a line of the stream, in characters. */
const maxLine = 4 << 20;
/** Heartbeats in a row that may name another position than ours. */
const patience = 3;
const sweepEvery = 30; // seconds

/** A message that is wrong: the connection is given up. */
export class FeedError extends Error {}

/** What was heard does not fit what is known; a snapshot is needed. */
export class Resync extends FeedError {}

interface Message {
  readonly feedId: string;
  readonly after: number;
  readonly seq: number;
  readonly sent: number;
  readonly asOf: number;
  readonly entries: readonly Entry[];
}

/**
 * The last heartbeat that fits the list. arrived and began are of a clock that
 * nobody sets, in seconds; first, sent and asOf are the server's, in
 * milliseconds. Nothing compares the one with the other.
 */
interface Freshness {
  readonly arrived: number;
  /** When the stream was asked for: the first heartbeat was said after that, so
   * however long one lay somewhere, this bounds its age. */
  readonly began: number;
  readonly first: number;
  readonly sent: number;
  readonly asOf: number;
}

/** Clocks, in seconds: the time of day, and one that nobody sets. */
export interface Clocks {
  wall(): number;
  monotonic(): number;
}

/** The revocation feed, without the network: the list, and how old it is. */
export class Feed {
  list: Revocations | undefined;
  /** Whether the list leads on from a snapshot. */
  synced = false;
  #fresh: Freshness | undefined;
  #swept = -Infinity;

  constructor(
    private readonly issuer: string,
    private readonly keys: Keys,
    readonly skew: number,
    readonly clocks: Clocks,
  ) {}

  /** How old the news is at most, in seconds; infinite if nobody vouches for it. */
  age(): number {
    const f = this.#fresh;
    if (!f) return Infinity;
    const now = this.clocks.monotonic();
    const since = now - f.arrived + (f.sent - f.asOf) / 1000;
    const whole = now - f.began - (f.asOf - f.first) / 1000;
    return Math.max(since, whole, 0);
  }

  vouch(fresh: Freshness): void {
    this.#fresh = fresh;
  }

  /** Nobody vouches for the list until it was read anew. */
  lost(): void {
    this.synced = false;
    this.#fresh = undefined;
  }

  /** Replace the list by that of a snapshot. That proves nothing about how fresh
   * it is: the stream's heartbeat does. */
  async begin(snapshot: string): Promise<void> {
    const m = await this.#open(snapshot, typeRevocations);
    if (m.after !== 0) throw new FeedError("no snapshot, but a part");
    if (this.list && this.list.feedId === m.feedId && m.seq < this.list.head) {
      // Of a replica that is behind, or an old one played again. If the feed
      // itself went back its id is another.
      throw new FeedError("the snapshot is older than what is known");
    }
    const list = new Revocations(m.feedId);
    list.apply(m.seq, m.entries);
    this.list = list;
    this.synced = true;
  }

  /** Begin to listen; call it before the stream is asked for. */
  connect(): Stream {
    return new Stream(this, this.clocks.monotonic());
  }

  entries(raw: string): Promise<void> {
    return this.#open(raw, typeRevocations).then((m) => this.#extend(m));
  }

  heartbeat(raw: string): Promise<Message> {
    return this.#open(raw, typeHeartbeat);
  }

  async #open(raw: string, typ: string): Promise<Message> {
    try {
      const { payload } = await openJws(raw, typ, this.keys, algorithms);
      return message(new Members(payload), this.issuer);
    } catch (cause) {
      if (cause instanceof Refused) throw new FeedError("a message that is not the server's, or malformed", { cause });
      throw cause;
    }
  }

  /** Apply entries that lead on from the list. */
  #extend(m: Message): void {
    const list = this.known(m.feedId);
    if (m.after > list.head) throw new Resync("entries are missing");
    if (m.seq <= list.head) return; // said before
    list.apply(m.seq, m.entries.filter((e) => e.seq > list.head));
    const now = this.clocks.wall();
    if (now > this.#swept + sweepEvery) {
      list.sweep(now - this.skew);
      this.#swept = now;
    }
  }

  known(feedId: string): Revocations {
    if (this.list?.feedId !== feedId) throw new Resync("another feed");
    return this.list;
  }
}

/** What is known of one connection. */
export class Stream {
  #first = -1; // sent of the first heartbeat
  #last = 0;
  #apart = 0; // heartbeats in a row that named another position

  constructor(
    private readonly feed: Feed,
    private readonly began: number,
  ) {}

  /** Whether a heartbeat came. */
  get heard(): boolean {
    return this.#first >= 0;
  }

  /** Take one event for what it proves. */
  async handle(name: string, data: string): Promise<void> {
    const arrived = this.feed.clocks.monotonic();
    if (name === "entries") await this.feed.entries(data);
    else if (name === "heartbeat") this.#beat(await this.feed.heartbeat(data), arrived);
    // Others are of a newer server.
  }

  #beat(m: Message, arrived: number): void {
    const { feed } = this;
    const list = feed.known(m.feedId);
    if (m.sent <= this.#last) throw new FeedError("a heartbeat that was heard before");
    this.#last = m.sent;
    // One that was recorded and is played to us anew is in order, but of another
    // time; so are heartbeats to a machine whose clock is wrong, which can judge
    // no token's expiry either.
    if (Math.abs(feed.clocks.wall() - m.sent / 1000) > 2 * feed.skew) {
      throw new FeedError("a heartbeat that is far off our clock");
    }
    if (this.#first < 0) this.#first = m.sent;
    if (m.seq !== list.head) {
      // A replica that is behind, or entries that were kept from us.
      if (++this.#apart >= patience) throw new Resync("heartbeats name another position");
      return;
    }
    this.#apart = 0;
    if (m.asOf <= 0 || m.asOf > m.sent) throw new FeedError("a heartbeat without a time");
    feed.vouch({ arrived, began: this.began, first: this.#first, sent: m.sent, asOf: m.asOf });
  }
}

function message(m: Members, issuer: string): Message {
  const [feedId, after, seq] = [m.text("feed_id"), m.number("after"), m.number("seq")];
  if (m.text("iss") !== issuer || !feedId || seq < 0 || after < 0) throw malformed();
  const told = m.get("entries") ?? [];
  if (!Array.isArray(told)) throw malformed();
  let last = after;
  const entries = told.map((e: Partial<Record<keyof Entry, unknown>> | null): Entry => {
    const { seq: at, kind, value, exp } = e ?? {};
    if (!Number.isSafeInteger(at) || !Number.isSafeInteger(exp) || typeof kind !== "string" || typeof value !== "string") {
      throw malformed();
    }
    if ((at as number) <= last || (at as number) > seq) throw malformed();
    last = at as number;
    const hash = Buffer.from(value, "base64url");
    if (hash.length !== 16 || !/^[\w-]{22}$/.test(value)) throw malformed();
    return { seq: last, kind, value: hash.toString("base64url"), exp: exp as number };
  });
  return { feedId, after, seq, sent: m.number("sent"), asOf: m.number("as_of"), entries };
}

/** Reads server-sent events (HTML Living Standard, § 9.2) as they arrive. */
export class Events {
  #rest = "";
  #name = "";
  #data = "";

  /** Take text, and give the events it completes. */
  *feed(text: string): Generator<[name: string, data: string]> {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > maxLine) throw new FeedError("a line without an end");
    for (const ended of lines) {
      const line = ended.endsWith("\r") ? ended.slice(0, -1) : ended;
      if (line === "") {
        const event: [string, string] = [this.#name, this.#data];
        this.#name = this.#data = "";
        if (event[1]) yield event;
        continue;
      }
      const colon = line.indexOf(":");
      const [field, rest] = colon < 0 ? [line, ""] : [line.slice(0, colon), line.slice(colon + 1)];
      const value = rest.startsWith(" ") ? rest.slice(1) : rest;
      if (field === "event") this.#name = value;
      else if (field === "data") this.#data = value; // ours are of one line
    }
  }
}
