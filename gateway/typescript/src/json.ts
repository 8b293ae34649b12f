import { malformed } from "./errors.js";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The members of a JSON object, each taken for what it must be; null is absent.
 * It is stricter than JSON.parse: UTF-8, no name twice, and whole numbers
 * written as such.
 */
export class Members {
  readonly value: Readonly<Record<string, unknown>>;
  readonly #raw = new Map<string, string>();

  /** With deep, no name may be twice in an object inside it either. */
  constructor(data: Uint8Array, deep = false) {
    let text: string, value: unknown;
    try {
      text = utf8.decode(data);
      value = JSON.parse(text);
    } catch (cause) {
      throw malformed(cause);
    }
    if (value === null) {
      this.value = {};
      return;
    }
    if (typeof value !== "object" || Array.isArray(value)) throw malformed();
    this.value = value as Record<string, unknown>;
    for (const [name, raw] of members(text)) {
      if (this.#raw.has(name) || (deep && repeats(raw))) throw malformed();
      this.#raw.set(name, raw);
    }
  }

  has(name: string): boolean {
    return this.#raw.has(name);
  }

  get(name: string): unknown {
    return this.#raw.has(name) ? (this.value[name] ?? undefined) : undefined;
  }

  text(name: string): string {
    const value = this.get(name);
    if (value === undefined) return "";
    if (typeof value !== "string") throw malformed();
    return value.toWellFormed(); // JSON can write half a character
  }

  texts(name: string): string[] | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || !value.every((v) => typeof v === "string")) throw malformed();
    return value.map((v: string) => v.toWellFormed());
  }

  number(name: string): number {
    const value = this.get(name);
    if (value === undefined) return 0;
    if (!Number.isSafeInteger(value) || !/^-?\d+$/.test(this.#raw.get(name) ?? "")) throw malformed();
    return value === 0 ? 0 : (value as number); // JSON can write -0
  }
}

/** The names and texts of the members of an object that JSON.parse has accepted;
 * unnamed, of a list between braces. */
function* members(text: string, unnamed = false): Generator<[string, string]> {
  let at = text.indexOf("{") + 1;
  for (;;) {
    at = skip(text, at, /[\s,]/);
    if (text[at] === "}") return;
    let start = at, name = "";
    if (!unnamed) {
      const end = string(text, at);
      name = JSON.parse(text.slice(at, end)) as string;
      start = skip(text, skip(text, end, /\s/) + 1, /\s/);
    }
    at = value(text, start);
    yield [name, text.slice(start, at).trimEnd()];
  }
}

/** Whether a value holds an object in which a name is there twice. */
function repeats(raw: string): boolean {
  if (raw.startsWith("[")) return [...members(`{${raw.slice(1, -1)}}`, true)].some(([, inner]) => repeats(inner));
  if (!raw.startsWith("{")) return false;
  const names = new Set<string>();
  for (const [name, inner] of members(raw)) {
    if (names.has(name) || repeats(inner)) return true;
    names.add(name);
  }
  return false;
}

function skip(text: string, at: number, what: RegExp): number {
  while (what.test(text[at] ?? "")) at++;
  return at;
}

/** The end of a string that begins at a position. */
function string(text: string, at: number): number {
  for (at++; text[at] !== '"'; at++) if (text[at] === "\\") at++;
  return at + 1;
}

/** The end of a value that begins at a position. */
function value(text: string, at: number): number {
  for (let depth = 0; ; ) {
    const c = text[at];
    if (c === '"') {
      at = string(text, at);
      continue;
    }
    if (depth === 0 && (c === "," || c === "}")) return at;
    if (c === "{" || c === "[") depth++;
    if (c === "}" || c === "]") depth--;
    at++;
  }
}
