// The command palette: a combobox over what /palette answers. Without this script its button is a link to the search.
const dialog = document.getElementById("palette");
const field = dialog?.querySelector("input");
const options = () => [...dialog.querySelectorAll('[role="option"]')];
const chosen = () => dialog.querySelector('[role="option"][aria-selected="true"]');

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
  dialog.addEventListener("htmx:afterSwap", () => choose(options()[0]));
}
