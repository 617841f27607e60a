// Keys of one letter can be switched off: to those who speak to their computer, words are keys.

const NAME = "safelight.no-shortcuts";

export const shortcuts = () => localStorage.getItem(NAME) !== "1";

export const setShortcuts = (on) => {
  if (on) localStorage.removeItem(NAME);
  else localStorage.setItem(NAME, "1");
};
