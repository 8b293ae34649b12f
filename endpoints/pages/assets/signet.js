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
