// The groups that were accepted, until a plan is made of them. They outlive a reload of the tab.

const NAME = "safelight.draft";

const read = () => {
  try {
    return new Map(JSON.parse(sessionStorage.getItem(NAME) ?? "[]"));
  } catch {
    return new Map();
  }
};

const groups = read(); // group -> {keeper, path, files, bytes}

const keep = () => sessionStorage.setItem(NAME, JSON.stringify([...groups]));

export const put = (group, accepted) => {
  groups.set(group, accepted);
  keep();
};

export const take = (group) => {
  groups.delete(group);
  keep();
};

export const clear = () => {
  groups.clear();
  keep();
};

export const has = (group) => groups.has(group);
export const pathOf = (group) => groups.get(group)?.path;

/** As the API takes it. */
export const asked = () => [...groups].map(([group, { keeper, path }]) => ({ group, keeper, path }));

export const sum = () => {
  const all = [...groups.values()];
  return {
    groups: all.length,
    files: all.reduce((n, each) => n + each.files, 0),
    bytes: all.reduce((n, each) => n + each.bytes, 0),
  };
};
