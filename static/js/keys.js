// The keyboard. A control says its own key with data-key ("u", "g r"); rows of tables are walked with j and k.
// Single letters can be turned off in the sheet, and never fire while somebody types.
const SWITCH = "single-letter-keys";
const SEQUENCE = 1200;
let first = "";
let timer = 0;

const sheet = () => document.getElementById("keys");
// What a closed <details> holds has a place on the page, yet nobody sees it and it takes no focus.
const visible = (node) => node.checkVisibility({ visibilityProperty: true });
const typing = (node) => node.isContentEditable || node.matches("input:not([type=checkbox], [type=radio]), textarea, select");
const rows = () => [...document.querySelectorAll("#main .table tbody tr, #main [data-row]")].filter(visible);
const rowOf = (node) => node.closest?.("#main .table tbody tr, #main [data-row]");

function bound(keys) {
  return [...document.querySelectorAll(`[data-key="${CSS.escape(keys)}"]`)].find(visible);
}

function step(by) {
  const all = rows();
  const here = all.indexOf(rowOf(document.activeElement));
  const next = all[here < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + by, 0), all.length - 1)];
  const stop = next?.querySelector("a[href], button, summary, input") ?? next;
  if (stop && stop === next && !stop.hasAttribute("tabindex")) stop.tabIndex = -1;
  stop?.focus();
}

const ACTS = {
  j: () => step(1),
  k: () => step(-1),
  x: () => rowOf(document.activeElement)?.querySelector("input[data-select]")?.click(),
  e: () => (rowOf(document.activeElement) ?? document.getElementById("main")).querySelector("[data-edit]")?.click(),
  // Where nothing on the page has it: the tabs of a program that the reader reports on know its update.
  u: () => {
    const tabs = document.querySelector("[data-update]");
    if (tabs) location.assign(tabs.dataset.update);
    else document.querySelector('[data-key="g u"]')?.click();
  },
  "/": () => (document.querySelector("#main [data-filter]") ?? document.querySelector("[data-palette]"))?.click(),
  "?": () => sheet()?.showModal(),
};

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(target)) return;
  if (document.querySelector("dialog[open]") || localStorage.getItem(SWITCH) === "off") return;
  const keys = first ? `${first} ${key}` : key;
  const control = bound(keys);
  first = "";
  clearTimeout(timer);
  if (control) control.click();
  else if (ACTS[key]) ACTS[key]();
  else if (key === "g") {
    first = key;
    timer = setTimeout(() => (first = ""), SEQUENCE);
  } else return;
  event.preventDefault();
});

document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-keys]")) sheet()?.showModal();
});

const toggle = document.getElementById("single-letters");
if (toggle) {
  toggle.checked = localStorage.getItem(SWITCH) !== "off";
  toggle.addEventListener("change", () => localStorage.setItem(SWITCH, toggle.checked ? "on" : "off"));
}
