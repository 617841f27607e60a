// Light or dark: as the system has it, unless told otherwise.

const NAME = "safelight.theme";

export const theme = () => localStorage.getItem(NAME) ?? "auto";

export const setTheme = (name) => {
  if (name === "auto") localStorage.removeItem(NAME);
  else localStorage.setItem(NAME, name);
  document.documentElement.dataset.theme = name;
};

document.documentElement.dataset.theme = theme();
