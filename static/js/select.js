// Ticked rows: how many there are, all at once, and a range with Shift. What is done with them is an ordinary form.
let last = null;

const boxes = () => [...document.querySelectorAll("input[data-select]")];

function count() {
  const place = document.querySelector("[data-selected]");
  const all = boxes();
  const ticked = all.filter((box) => box.checked).length;
  if (place) place.textContent = ticked;
  const every = document.querySelector("input[data-select-all]");
  if (every) {
    every.checked = ticked > 0 && ticked === all.length;
    every.indeterminate = ticked > 0 && ticked < all.length;
  }
}

document.addEventListener("click", ({ target, shiftKey }) => {
  if (!target.matches?.("input[data-select]")) return;
  const all = boxes();
  if (shiftKey && last && all.includes(last)) {
    const [from, to] = [all.indexOf(last), all.indexOf(target)].sort((a, b) => a - b);
    for (const box of all.slice(from, to + 1)) box.checked = target.checked;
  }
  last = target;
  count();
});

document.addEventListener("change", ({ target }) => {
  if (target.matches?.("input[data-select-all]")) for (const box of boxes()) box.checked = target.checked;
  count();
});

// What is given a value is meant to change.
document.addEventListener("input", ({ target }) => {
  const tick = target.closest?.(".bulk-pair")?.querySelector("input[type=checkbox]");
  if (tick && tick !== target) tick.checked = true;
});

document.addEventListener("reset", () => setTimeout(count));
document.addEventListener("htmx:afterSettle", count);
addEventListener("pageshow", count);
