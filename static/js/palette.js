// The command palette: a combobox over what /palette answers. Without this script its button is a link to the search.
const dialog = document.getElementById("palette");
const field = dialog?.querySelector("input");
const options = () => [...dialog.querySelectorAll('[role="option"]')];
const chosen = () => dialog.querySelector('[role="option"][aria-selected="true"]');

// The records that this reader opened last here, the newest first. What they are called stays in this browser.
const RECORD = /^\/(p\/[^/]+|m\/\d+|r\/R-\d+|d\/D-\d+|u\/\d+|issues\/\d+|problems\/\d+|teams\/\d+)$/;
const MOST_RECENT = 8;
const place = () => `recent-${dialog.dataset.reader}`;

function recent() {
  try {
    return JSON.parse(localStorage.getItem(place())) ?? [];
  } catch {
    return [];
  }
}

function remember() {
  const name = document.querySelector("#main h1")?.textContent.trim();
  if (!name || !RECORD.test(location.pathname)) return;
  const others = recent().filter((one) => one.url !== location.pathname);
  localStorage.setItem(place(), JSON.stringify([{ url: location.pathname, name }, ...others].slice(0, MOST_RECENT + 1)));
}

function showRecent() {
  const found = recent().filter((one) => one.url !== location.pathname).slice(0, MOST_RECENT);
  if (!found.length) return;
  const parts = document.getElementById("recent-group").content;
  const group = parts.querySelector(".group").cloneNode(true);
  const line = group.querySelector("li");
  line.replaceWith(
    ...found.map(({ url, name }, at) => {
      const one = line.cloneNode(true);
      const option = one.querySelector("a");
      option.href = url;
      option.id = `palette-recent-${at}`;
      option.querySelector(".truncate").textContent = name;
      option.prepend(parts.querySelector(`[data-icon~="${url.split("/")[1]}"] > svg`).cloneNode(true));
      return one;
    }),
  );
  // Each is offered once.
  const offered = new Set(found.map(({ url }) => url));
  for (const option of options()) if (offered.has(option.getAttribute("href"))) option.parentElement.remove();
  for (const rest of dialog.querySelectorAll(".group:not(:has(li))")) rest.remove();
  document.getElementById("palette-results").prepend(group);
}

function choose(option) {
  for (const one of options()) one.setAttribute("aria-selected", String(one === option));
  if (option) {
    field.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  } else field.removeAttribute("aria-activedescendant");
}

function open() {
  if (dialog.open) return;
  dialog.showModal();
  field.value = "";
  window.htmx.trigger(field, "ask");
}

if (dialog) {
  remember();
  document.addEventListener("keydown", (event) => {
    if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open();
    }
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-palette]")) {
      event.preventDefault();
      open();
    }
    if (event.target === dialog) dialog.close();
  });
  field.addEventListener("keydown", (event) => {
    // A search field would only be emptied by it.
    if (event.key === "Escape") dialog.close();
    const all = options();
    const here = all.indexOf(chosen());
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move && all.length) choose(all[(here + move + all.length) % all.length]);
    else if (event.key === "Enter" && chosen()) {
      if (event.metaKey || event.ctrlKey) window.open(chosen().href, "_blank", "noopener");
      else chosen().click();
    } else return;
    event.preventDefault();
  });
  dialog.addEventListener("htmx:afterSwap", () => {
    if (!field.value.trim()) showRecent();
    choose(options()[0]);
  });
}
