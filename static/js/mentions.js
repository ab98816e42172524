// Names that are offered after an @: a list below the text, chosen from with the arrows, Enter or a click. The text keeps
// the focus; without this script a name is typed like any other word.
const BEGUN = /(?<![\p{L}\p{N}_@])@([\p{L}\p{N}_.+-]+(?: [\p{L}\p{N}_.+-]*)?)$/u;
const WAIT = 150;
let open = null; // { field, list, status, start }
let timer = 0;
let asked = 0;

const options = () => [...open.list.children];
const begun = (field) => BEGUN.exec(field.value.slice(0, field.selectionStart));

function choose(option) {
  for (const one of options()) one.setAttribute("aria-selected", String(one === option));
  open.field.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
}

function close() {
  clearTimeout(timer);
  asked += 1;
  if (!open) return;
  open.list.remove();
  open.status.textContent = "";
  for (const name of ["aria-activedescendant", "aria-controls"]) open.field.removeAttribute(name);
  open = null;
}

function insert(option) {
  const { field } = open;
  const start = field.selectionStart - begun(field)[0].length;
  field.setRangeText(`@${option.dataset.name} `, start, field.selectionStart, "end");
  close();
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function status(field) {
  let place = field.parentElement.querySelector("[data-offered]");
  if (!place) {
    place = Object.assign(document.createElement("span"), { className: "sr-only" });
    place.dataset.offered = "";
    place.setAttribute("role", "status");
    field.after(place);
  }
  return place;
}

async function offer(field) {
  const found = begun(field);
  if (!found) return close();
  const mine = ++asked;
  const answer = await fetch(`${field.dataset.mentions}?q=${encodeURIComponent(found[1])}`);
  const html = answer.ok ? (await answer.text()).trim() : "";
  if (mine !== asked) return;
  if (!html || document.activeElement !== field) return close();
  const list = document.createRange().createContextualFragment(html).firstElementChild;
  if (open) open.list.replaceWith(list);
  else field.after(list);
  open = { field, list, status: status(field) };
  field.setAttribute("aria-controls", list.id);
  open.status.textContent = list.dataset.says;
  choose(options()[0]);
}

document.addEventListener("focusin", ({ target }) => {
  if (!target.matches?.("textarea[data-mentions]")) return;
  target.setAttribute("aria-autocomplete", "list");
  target.setAttribute("aria-haspopup", "listbox");
});

document.addEventListener("input", ({ target }) => {
  if (!target.matches?.("textarea[data-mentions]")) return;
  clearTimeout(timer);
  if (begun(target)) timer = setTimeout(offer, WAIT, target);
  else close();
});

document.addEventListener("keydown", (event) => {
  if (event.target !== open?.field || event.isComposing) return;
  const all = options();
  const here = all.findIndex((one) => one.getAttribute("aria-selected") === "true");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) choose(all[(here + step + all.length) % all.length]);
  else if (event.key === "Enter" || event.key === "Tab") insert(all[here]);
  else if (event.key === "Escape") close();
  else return;
  event.preventDefault();
  event.stopPropagation();
}, true);

// Before the text loses the focus.
document.addEventListener("pointerdown", (event) => {
  const option = open && event.target.closest?.("#mention-list > li");
  if (!option) return;
  event.preventDefault();
  insert(option);
});

document.addEventListener("focusout", ({ target }) => target === open?.field && close());
