// Editing in place. A link with data-edit fetches a form into its slot; saving has the page refreshed, Escape puts the
// link back. Any form that was typed into is marked, so that a refresh leaves it alone, and none is sent twice.
const before = new WeakMap();
let returning = "";

const slotOf = (node) => node.closest("[data-slot]");

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const slot = detail.target.matches("[data-slot]") && detail.target;
  if (!slot || before.has(slot)) return;
  before.set(slot, slot.innerHTML);
  const { width, height } = slot.getBoundingClientRect();
  Object.assign(slot.style, { display: "inline-block", minInlineSize: `${width}px`, minBlockSize: `${height}px` });
});

// The form floats over the page, and its slot keeps the room that it had: nothing below it moves.
function float(form) {
  const slot = slotOf(form);
  if (!form.showPopover || form.closest("dialog")) return;
  form.popover = "manual";
  if (!form.matches(":popover-open")) form.showPopover();
  const room = slot.getBoundingClientRect();
  const left = Math.max(8, Math.min(room.left - 8, document.documentElement.clientWidth - form.offsetWidth - 8));
  form.style.insetInlineStart = `${left + scrollX}px`;
  // Its control lies over the value.
  const control = form.querySelector(".input");
  const lift = control ? control.getBoundingClientRect().top - form.getBoundingClientRect().top : 0;
  form.style.insetBlockStart = `${Math.max(8, room.top + scrollY - lift - 4)}px`;
  form.scrollIntoView({ block: "nearest" });
}

const floating = () => document.querySelectorAll("[data-slot] > form[data-editing]:popover-open").forEach(float);
addEventListener("resize", floating);

document.addEventListener("htmx:afterSettle", ({ detail }) => {
  const form = detail.target.matches?.("[data-slot]") && detail.target.querySelector("form[data-editing]");
  if (form) float(form);
  const field = form && form.querySelector('[aria-invalid="true"], .field input, .field select, .field textarea');
  if (field) {
    field.focus();
    field.select?.();
  }
  if (detail.target.id === "main")
    for (const slot of document.querySelectorAll("[data-slot][style]:not(:has(> form))")) slot.removeAttribute("style");
  if (detail.target.id === "main" && returning) {
    document.getElementById(returning)?.querySelector("[data-edit]")?.focus();
    returning = "";
  }
});

function close(form) {
  const slot = slotOf(form);
  slot.innerHTML = before.get(slot);
  slot.removeAttribute("style");
  before.delete(slot);
  window.htmx.process(slot);
  slot.querySelector("[data-edit]")?.focus();
  slot.closest("dialog")?.close();
}

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const form = detail.elt.matches?.("form[data-editing]") && detail.elt;
  // 204: saved. The page that "refresh" brings in has the new value, and may now replace the form.
  if (form && detail.xhr.status === 204) {
    const slot = slotOf(form);
    returning = slot.id;
    before.delete(slot);
    slot.closest("dialog")?.close("saved");
    delete form.dataset.dirty;
    delete form.dataset.editing;
  }
});

// Refused as a whole: the row is gone, or nobody answers. What was typed stays, with a word that it is not saved.
for (const failure of ["htmx:responseError", "htmx:sendError"]) {
  document.addEventListener(failure, ({ detail }) => {
    const form = detail.elt.matches?.("form[data-editing]") && detail.elt;
    if (!form) return;
    form.querySelector("[data-not-saved]")?.remove();
    form.append(document.getElementById("not-saved").content.cloneNode(true));
    delete form.dataset.sent;
  });
}

document.addEventListener("keydown", (event) => {
  const form = event.key === "Escape" && event.target.closest?.("form[data-editing]");
  if (form) {
    event.preventDefault();
    close(form);
  }
});

// Ctrl+Enter sends a long form from wherever one types.
document.addEventListener("keydown", (event) => {
  const send = event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form?.querySelector("[data-send]");
  if (send) {
    event.preventDefault();
    send.click();
  }
});

document.addEventListener("click", (event) => {
  const cancel = event.target.closest("form[data-editing] [data-cancel]");
  if (cancel) {
    event.preventDefault();
    close(cancel.closest("form"));
  }
});

document.addEventListener("input", ({ target }) => {
  const form = target.form;
  if (form && form.method === "post" && !target.matches("[data-select]")) form.dataset.dirty = "";
});

// A form that saves itself while one types: a click waits for the save that is on its way, whose answer says which draft
// and version to go on with; and once it is sent, it saves itself no more. Else there would be two drafts.
const saved = ({ elt }) => document.querySelector(elt.getAttribute("hx-include") || "#none");
document.addEventListener("htmx:beforeRequest", (event) => {
  const form = saved(event.detail);
  if (form?.dataset.sent) event.preventDefault();
  else if (form) form.dataset.saving = "";
});
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const form = saved(detail);
  if (!form) return;
  delete form.dataset.saving;
  form.dispatchEvent(new Event("saved"));
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if ("saving" in form.dataset) {
    event.preventDefault();
    form.addEventListener("saved", () => form.requestSubmit(event.submitter), { once: true });
    return;
  }
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});

// Back to a page that the browser kept: its forms may be sent again.
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));
