// Comfort for the hosted pages; each of them works without it.
"use strict";

// A form_post page sends itself. Not after "back": the code in it was used, and
// a client that redeems it twice loses the tokens of the first time too.
// The prototype's submit, since a parameter may be called "submit".
const handover = document.querySelector("form[data-autosubmit]");
const navigation = performance.getEntriesByType("navigation")[0];
if (handover && navigation?.type !== "back_forward") {
  HTMLFormElement.prototype.submit.call(handover);
}

// Show and hide the password. It is hidden again before it is sent, so that no
// browser remembers it as ordinary text.
const hide = [];
for (const button of document.querySelectorAll("button[data-reveal]")) {
  const input = document.getElementById(button.dataset.reveal);
  const words = [
    [button.textContent, button.getAttribute("aria-label")],
    [button.dataset.text, button.dataset.label],
  ];
  const show = (visible) => {
    input.type = visible ? "text" : "password";
    button.textContent = words[+visible][0];
    button.setAttribute("aria-label", words[+visible][1]);
  };
  button.addEventListener("click", () => {
    show(input.type === "password");
    input.focus();
  });
  button.hidden = false;
  hide.push(() => show(false));
}

// Caps Lock is the commonest reason why a right password is wrong.
const hint = document.getElementById("capslock");
document.getElementById("password")?.addEventListener("keyup", (event) => {
  const on = event.getModifierState?.("CapsLock") ?? false;
  const text = on ? hint.dataset.text : "";
  if (hint.textContent !== text) {
    hint.textContent = text;
  }
});

// Passkeys. data-passkey says what a form asks for, "get" or "create", and
// data-options holds the options in WebAuthn's JSON form. The answer goes into
// the form's field "passkey", a failure as one of the form's data-text-… into
// its [data-passkey-error]. What is data-passkey-only shows with WebAuthn only.
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const base64url = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");

function passkeyOptions(form) {
  const options = JSON.parse(form.dataset.options);
  const parse = form.dataset.passkey === "create" ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON";
  if (PublicKeyCredential[parse]) {
    return PublicKeyCredential[parse](options);
  }
  const decode = (named) => named && { ...named, id: bytes(named.id) };
  return {
    ...options,
    challenge: bytes(options.challenge),
    user: decode(options.user),
    allowCredentials: options.allowCredentials?.map(decode),
    excludeCredentials: options.excludeCredentials?.map(decode),
  };
}

function passkeyAnswer(credential) {
  if (credential.toJSON) {
    return JSON.stringify(credential);
  }
  const { id, type, response } = credential;
  const members = { transports: response.getTransports?.() };
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) {
      members[name] = base64url(response[name]);
    }
  }
  const clientExtensionResults = credential.getClientExtensionResults();
  return JSON.stringify({ id, rawId: id, type, response: members, clientExtensionResults });
}

function offerPasskey(form) {
  const { passkey: kind, conditional, textCancelled, textRegistered, textFailed } = form.dataset;
  const texts = { NotAllowedError: textCancelled, InvalidStateError: textRegistered };
  const notice = form.querySelector("[data-passkey-error]");
  let current; // the request that the browser is busy with
  const ask = async (mediation) => {
    current?.abort();
    const { signal } = (current = new AbortController());
    try {
      const credential = await navigator.credentials[kind]({ publicKey: passkeyOptions(form), mediation, signal });
      form.elements.passkey.value = passkeyAnswer(credential);
      form.noValidate = true; // a password may stay empty now
      form.requestSubmit();
    } catch (error) {
      // Autofill that fails is not missed, nor is what the button replaced.
      if (mediation || signal.aborted) {
        return;
      }
      notice.hidden = false;
      notice.textContent = texts[error.name] ?? textFailed;
      autofill();
    }
  };
  // Passkeys among the suggestions of a field with autocomplete="… webauthn".
  const autofill = async () => {
    const before = current;
    if (conditional === "true" && (await PublicKeyCredential.isConditionalMediationAvailable?.()) && current === before) {
      ask("conditional");
    }
  };
  for (const button of form.querySelectorAll("[data-passkey-start]")) {
    button.addEventListener("click", () => {
      notice.hidden = true;
      ask();
    });
  }
  autofill();
}

if (window.PublicKeyCredential) {
  document.querySelectorAll("form[data-passkey]").forEach(offerPasskey);
  document.querySelectorAll("[data-passkey-only]").forEach((element) => (element.hidden = false));
}

// Backup codes: taken along in whichever way suits.
function onClick(selector, act) {
  for (const button of document.querySelectorAll(selector)) {
    button.addEventListener("click", () => act(button));
    button.hidden = false;
  }
}
if (navigator.clipboard) {
  onClick("button[data-copy]", async (button) => {
    const codes = document.querySelector(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(codes.innerText);
      button.textContent = button.dataset.text ?? button.textContent;
    } catch {
      getSelection().selectAllChildren(codes); // one key is left to press
    }
  });
}
onClick("button[data-download]", (button) => {
  const text = document.querySelector(button.dataset.download).innerText + "\n";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = button.dataset.filename;
  link.click();
});
onClick("button[data-print]", () => print());

// Times in the reader's zone; the server knows none but UTC.
const inZone = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
for (const time of document.querySelectorAll("main time")) {
  time.textContent = inZone.format(new Date(time.dateTime));
}

// A code that has all its digits sends itself, once, after a moment in which
// any other key or click keeps it back. One that was refused is corrected in
// peace: its field asks for nothing of the kind.
function sendWhenComplete(input, hint) {
  let pause;
  let once = true;
  const keep = () => {
    clearTimeout(pause);
    once = false;
  };
  input.addEventListener("input", () => {
    clearTimeout(pause);
    if (once && input.value.replaceAll(" ", "").length === Number(input.dataset.digits)) {
      pause = setTimeout(() => {
        once = false;
        input.form.requestSubmit(document.getElementById("mfa-submit"));
      }, 700);
    }
  });
  input.addEventListener("keydown", (event) => event.key === "Escape" && keep());
  input.addEventListener("blur", keep);
  hint.dataset.shown = "true";
}
const digits = document.querySelector("input[data-digits]");
if (digits) {
  sendWhenComplete(digits, document.getElementById("mfa-code-hint"));
}

// One submit is enough, however often the button is pressed.
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    if (form.ariaBusy === "true") {
      event.preventDefault();
      return;
    }
    form.ariaBusy = "true";
    hide.forEach((f) => f());
  });
}
addEventListener("pageshow", () => {
  for (const form of document.forms) {
    form.ariaBusy = null;
  }
});

// How hard a new password is to guess, estimated by the server while it is
// typed: advice, which is left out when there is no answer.
function rateNewPassword(box, input) {
  const meter = box.querySelector("meter");
  const words = box.querySelector("span");
  let pause;
  let call;
  const show = (score, text) => {
    meter.value = score;
    words.textContent = text;
  };
  const ask = async () => {
    const { signal } = (call = new AbortController());
    const email = document.getElementById("email")?.value ?? "";
    try {
      const answer = await fetch(box.dataset.url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ password: input.value, email }),
        signal,
      });
      const { score } = await answer.json();
      show(score, box.dataset[`word${score}`]);
    } catch {
      box.hidden ||= !signal.aborted;
    }
  };
  input.addEventListener("input", () => {
    clearTimeout(pause);
    call?.abort();
    box.hidden = input.value === "";
    if (input.value.length < input.minLength) {
      show(0, "");
    } else {
      pause = setTimeout(ask, 400);
    }
  });
}
const strength = document.getElementById("password-strength");
if (strength) {
  rateNewPassword(strength, document.getElementById("new-password"));
}
