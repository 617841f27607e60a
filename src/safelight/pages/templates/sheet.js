"use strict";
{
  const list = document.getElementById("photos");
  const by = document.getElementById("by");
  const worst = document.getElementById("worst");
  const order = document.getElementById("order");

  const number = (card, key) => {
    const text = card.getAttribute("data-" + key);
    return text === null ? null : Number(text);
  };

  // As the command does it: those without a score behind those with one, those that could not be
  // read last; what is equal keeps the order of names.
  const sort = () => {
    const key = by.value;
    const named = key === "name";
    const direction = named || worst.checked ? 1 : -1;
    const cards = [...list.children];
    cards.sort((a, b) => {
      const bad = a.classList.contains("bad") - b.classList.contains("bad");
      if (bad) return bad;
      const [x, y] = [number(a, key), number(b, key)];
      if ((x === null) !== (y === null)) return x === null ? 1 : -1;
      return direction * (x - y) || number(a, "name") - number(b, "name");
    });
    list.append(...cards);
    worst.disabled = named;
    order.textContent = named
      ? "by name"
      : key === "query"
        ? (worst.checked ? "farthest from" : "nearest to") + " the query first"
        : "by " + key + ", " + (worst.checked ? "worst" : "best") + " first";
  };

  for (const choice of document.querySelectorAll(".scripted")) choice.hidden = false;
  by.addEventListener("change", sort);
  worst.addEventListener("change", sort);
  // A browser that comes back to a page fills in what was chosen last.
  by.autocomplete = worst.autocomplete = "off";
  by.value = by.querySelector("[selected]").value;
  worst.checked = worst.defaultChecked;
  worst.disabled = by.value === "name";
}
