// Whom the server takes us for, and what it has.

import { get } from "./api.js";

let known = { authenticated: false, token_needed: false, may_write: false, model: null };

export const session = () => known;

export const loadSession = async () => {
  known = await get("session");
  return known;
};
