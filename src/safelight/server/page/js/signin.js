// Asking for a token, where the server wants one.

import { byId } from "./dom.js";
import { loadSession } from "./session.js";
import { current, forget, keep } from "./token.js";

let done = () => {};
let isNeeded = false;

/** Ask for a token until the server takes one; then go on. */
export const signIn = (problem) => {
  const dialog = byId("sign-in");
  isNeeded = true;
  byId("token-problem").textContent = problem && current() ? problem.message : "";
  byId("token-problem").hidden = !byId("token-problem").textContent;
  if (!dialog.open) dialog.showModal();
};

export const signOut = () => {
  forget();
  location.reload();
};

export const startSignIn = ({ onSignedIn }) => {
  done = onSignedIn;
  const dialog = byId("sign-in");
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  // A browser closes it all the same when Esc is pressed twice.
  dialog.addEventListener("close", () => {
    if (isNeeded) dialog.showModal();
  });
  byId("sign-in-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const value = byId("token").value.trim();
    if (!value) return;
    keep(value, { remember: byId("remember").checked });
    const failed = (text) => {
      forget();
      byId("token-problem").textContent = text;
      byId("token-problem").hidden = false;
      byId("token").focus();
      byId("token").select();
    };
    try {
      const session = await loadSession();
      if (session.token_needed && !session.authenticated) {
        failed("The server does not know this token.");
        return;
      }
    } catch (error) {
      failed(error.status === 401 ? "The server does not know this token." : error.message);
      return;
    }
    byId("token").value = "";
    isNeeded = false;
    dialog.close();
    done();
  });
};
