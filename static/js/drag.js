// Moving milestones on a roadmap. What may move has data-moves, the field that it stands for, and data-from, its day;
// dragging it, or arrow keys on its row, proposes another day, and a form with the impact asks before anything is saved.
const dialog = document.getElementById("move");
const says = document.getElementById("move-says");
const slot = document.getElementById("move-form");
const fill = (words, values) => words.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
const MOVES = "[data-moves]";
let held = null; // { mark, row, days, startX, pointer }
let dragged = false; // since the pointer went down: its click then is none

const day = (from, days) => new Date(Date.parse(from) + days * 86_400_000);
const local = (date) => date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

function hold(mark, more = {}) {
  held = { mark, row: mark.closest("a"), days: 0, ...more };
}

function shift(days) {
  const { mark, row } = held;
  if (days === held.days) return;
  held.days = days;
  const width = Number(mark.ownerSVGElement.dataset.day);
  const on = local(day(mark.dataset.from, days));
  const by = `${days > 0 ? "+" : "\u2212"}${Math.abs(days)}`;
  const words = fill(dialog.dataset[mark.dataset.moves], { day: on, days: by });
  mark.setAttribute("transform", `translate(${days * width} 0)`);
  let label = row.querySelector("[data-says]");
  if (!label) {
    label = document.createElementNS(mark.namespaceURI, "text");
    label.setAttribute("class", "v-strong");
    label.dataset.says = "";
    // Above the words beside it.
    row.append(mark, label);
  }
  const box = mark.getBBox();
  label.setAttribute("x", box.x + days * width);
  label.setAttribute("y", box.y + 2);
  label.textContent = words;
  says.textContent = fill(dialog.dataset.asks, { move: words });
}

function release(mark) {
  mark.removeAttribute("transform");
  mark.closest("a").querySelector("[data-says]")?.remove();
}

function giveUp() {
  if (!held) return;
  release(held.mark);
  held = null;
  says.textContent = "";
}

function ask() {
  const { mark, row, days } = held;
  const { moves, from } = mark.dataset;
  const of = row.querySelector("[data-milestone]").dataset;
  const query = new URLSearchParams({ only: moves, [moves]: local(day(from, days)), version: of.version });
  // A promise for a quarter that is moved by days is one for a day.
  if (moves === "target_on") query.set("target_precision", "day");
  const name = row.querySelector(".v-strong").textContent;
  document.getElementById("move-title").textContent = fill(dialog.dataset.title, { name });
  window.htmx.ajax("GET", `/m/${of.milestone}/edit?${query}`, { target: slot, swap: "innerHTML" });
  dialog.showModal();
}

const scale = (svg) => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;

document.addEventListener("pointerdown", (event) => {
  const mark = event.target.closest?.(MOVES);
  dragged = false;
  if (!mark || event.button !== 0 || dialog.open) return;
  giveUp();
  hold(mark, { startX: event.clientX, pointer: event.pointerId });
});

document.addEventListener("pointermove", (event) => {
  if (held?.pointer !== event.pointerId) return;
  const svg = held.mark.ownerSVGElement;
  const days = Math.round((event.clientX - held.startX) / scale(svg) / Number(svg.dataset.day));
  if (days || held.days) {
    dragged = true;
    shift(days);
  }
});

document.addEventListener("pointerup", (event) => {
  if (held?.pointer !== event.pointerId) return;
  if (held.days) ask();
  else giveUp();
});

document.addEventListener("pointercancel", giveUp);
// The row is a link, which a browser would drag itself, and follow when it is let go.
document.addEventListener("dragstart", (event) => held?.pointer && event.preventDefault());
document.addEventListener("click", (event) => dragged && event.detail && event.preventDefault(), true);

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && held && !dialog.open) {
    event.preventDefault();
    giveUp();
    return;
  }
  const row = document.activeElement?.closest(".road-box a");
  const mark = held && held.row === row ? held.mark : row?.querySelector(MOVES);
  if (!mark || dialog.open || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (step) {
    if (held?.row !== row) {
      giveUp();
      hold(mark);
    }
    shift(held.days + step * (event.shiftKey ? 7 : 1));
    event.preventDefault();
  } else if (event.key === "Enter" && held?.days) {
    ask();
    event.preventDefault();
  }
});

document.addEventListener("focusout", ({ target }) => held && !held.pointer && !dialog.open && target === held.row && giveUp());

dialog.addEventListener("close", () => {
  const row = held?.row;
  // What was saved stays where it was put until the page brings its new place.
  if (dialog.returnValue === "saved") held = null;
  else giveUp();
  dialog.returnValue = "";
  slot.replaceChildren();
  row?.focus();
});
