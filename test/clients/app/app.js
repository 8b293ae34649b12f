// A single-page application: oidc-client-ts as its README shows it.

const here = location.origin;
const manager = new oidc.UserManager({
  authority: config.issuer,
  client_id: config.client,
  redirect_uri: `${here}/`,
  post_logout_redirect_uri: `${here}/`,
  silent_redirect_uri: `${here}/window.html`,
  popup_redirect_uri: `${here}/window.html`,
  popup_post_logout_redirect_uri: `${here}/window.html`,
  scope: "openid profile email roles",
  loadUserInfo: true,
  automaticSilentRenew: false,
  silentRequestTimeoutInSeconds: 10,
});

const show = (text) => { document.getElementById("state").textContent = text; };
const attempt = (what) => what.then(refresh, (e) => show(`failed: ${e.error ?? e}`));

async function refresh() {
  const user = await manager.getUser();
  show(user ? `signed in: ${user.profile.name}` : "signed out");
}

async function start() {
  const answer = new URLSearchParams(location.search);
  if (location.pathname === "/window.html") {
    // In a window or a frame: the response goes to the page that opened it.
    return answer.has("code") || answer.has("error") ? manager.signinCallback() : manager.signoutCallback();
  }
  const on = (id, action) => document.getElementById(id).addEventListener("click", () => attempt(action()));
  on("sign-in", () => manager.signinRedirect());
  on("sign-in-window", () => manager.signinPopup());
  on("sign-out", () => manager.signoutRedirect({ state: "see you" }));
  on("sign-out-window", () => manager.signoutPopup());
  if (answer.has("code") || answer.has("error")) {
    history.replaceState(null, "", "/"); // no code in the history
    return attempt(manager.signinRedirectCallback(`${here}/?${answer}`));
  }
  if (answer.has("state")) {
    history.replaceState(null, "", "/");
    const { userState } = await manager.signoutRedirectCallback(`${here}/?${answer}`);
    return show(`signed out: ${userState}`);
  }
  return refresh();
}

window.manager = manager;
start();
