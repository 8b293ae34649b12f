/**
 * A login helper for React: authorization code with PKCE at a Signet server, tokens
 * in memory, renewed in time.
 *
 *     <SignetProvider issuer="https://id.example.com" clientId="web" resource="https://api.example.com">
 *       <App />
 *     </SignetProvider>
 *
 *     const { status, profile, login, logout, fetch } = useSignet();
 *
 * It stands on oidc-client-ts.
 */
import { createContext, createElement, useContext, useEffect, useState, useSyncExternalStore, type ReactElement, type ReactNode } from "react";

import { Session, type LoginOptions, type SignetOptions, type State } from "./session.js";

export { Session, type LoginOptions, type SignetOptions, type State } from "./session.js";

const Context = createContext<Session | undefined>(undefined);

/** Gives the components below it a session. Its options are those of the first
 * rendering. */
export function SignetProvider({ children, ...options }: SignetOptions & { children?: ReactNode }): ReactElement {
  const [session] = useState(() => new Session(options));
  useEffect(() => void session.start(), [session]);
  return createElement(Context.Provider, { value: session }, children);
}

/** What a component can know of the session, and do. */
export type Signet = State & {
  login(options?: LoginOptions): Promise<void>;
  logout(): Promise<void>;
  /** An access token that is good for a while, or undefined when signed out. */
  token(): Promise<string | undefined>;
  /** fetch with the access token, renewed once if the API says that it is not good. */
  fetch: typeof globalThis.fetch;
};

/** The session of the SignetProvider above. */
export function useSignet(): Signet {
  const session = useContext(Context);
  if (!session) throw new Error("useSignet: there is no SignetProvider above");
  const state = useSyncExternalStore(session.subscribe, () => session.state, () => session.state);
  return {
    ...state,
    login: (options) => session.login(options),
    logout: () => session.logout(),
    token: () => session.token(),
    fetch: session.fetch,
  };
}
