// The token that the server asks for where it listens to more than this machine.

const NAME = "safelight.token";

let token = sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME) ?? "";

export const current = () => token;

/** Keep a token: until the tab is closed, or on this device. */
export const keep = (value, { remember = false } = {}) => {
  forget();
  token = value;
  (remember ? localStorage : sessionStorage).setItem(NAME, value);
};

export const forget = () => {
  token = "";
  sessionStorage.removeItem(NAME);
  localStorage.removeItem(NAME);
};
