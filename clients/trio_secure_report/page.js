"use strict";
// The page is whole without this: it opens and closes all messages at once, and opens the one a link leads to.
const messages = [...document.querySelectorAll("details")];
const button = document.getElementById("all");
const label = () => {
  const open = messages.some((one) => !one.open);
  button.textContent = open ? "Open all messages" : "Close all messages";
  return open;
};
if (messages.length) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const open = label();
    for (const one of messages) one.open = open;
    label();
  });
  for (const one of messages) one.addEventListener("toggle", label);
  label();
}
const reveal = () => {
  const found = document.getElementById(location.hash.slice(1));
  const inside = found && found.querySelector("details");
  if (inside) inside.open = true;
};
addEventListener("hashchange", reveal);
addEventListener("beforeprint", () => { for (const one of messages) one.open = true; });
reveal();
