// Moving milestones on a roadmap. What may move has data-moves, the field that it stands for, and data-from, its day;
// dragging it, or arrow keys on its row, proposes another day, and a form with the impact asks before anything is saved.
// What does not move has data-stays, the reason, which is told to whoever tries. Beside these a row is only a link.
const dialog = document.getElementById("move");
const says = document.getElementById("move-says");
const slot = document.getElementById("move-form");
const fill = (words, values) => words.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
const MOVES = "[data-moves]";
const MARKS = `${MOVES}, [data-milestone]`;
const SLACK = 4; // pixels that a click may slip
const DAY = 86_400_000;
let held = null; // { mark, row, days, stuck, pointer }; pointer only until it is let go
let downX = null; // where the pointer went down on a row, until it is let go
let dragged = false; // since the pointer went down: its click then is none

const day = (from, days) => new Date(Date.parse(from) + days * DAY);
const local = (date) => date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const bar = (row) => row.querySelector("[data-milestone]");

function hold(mark, more = {}) {
  giveUp();
  held = { mark, row: mark.closest("a"), days: 0, stuck: false, ...more };
}

// The one label of the row meanwhile, beside what is held; a refresh leaves the row alone.
function tell(words, aloud, across = 0) {
  const { mark, row } = held;
  row.dataset.held = "";
  let label = row.querySelector("[data-says]");
  if (!label) {
    label = document.createElementNS(mark.namespaceURI, "text");
    label.setAttribute("class", "v-strong");
    label.dataset.says = "";
    // Above the words beside it.
    row.append(mark, label);
  }
  label.textContent = words;
  says.textContent = aloud;
  const box = mark.getBBox();
  const room = mark.ownerSVGElement.viewBox.baseVal.width - label.getComputedTextLength();
  label.setAttribute("x", Math.min(box.x + across, room));
  label.setAttribute("y", box.y + 2);
}

function shift(days) {
  const { mark } = held;
  const { moves, from } = mark.dataset;
  // The start of what is open goes back no further than today; a promise may have been for any day.
  const least = moves === "not_before_on" ? Math.min(0, (Date.parse(mark.ownerSVGElement.dataset.today) - Date.parse(from)) / DAY) : -Infinity;
  const stuck = days < least;
  days = Math.max(days, least);
  if (days === held.days && stuck === held.stuck) return;
  Object.assign(held, { days, stuck });
  const across = days * Number(mark.ownerSVGElement.dataset.day);
  const by = `${days > 0 ? "+" : days < 0 ? "\u2212" : ""}${Math.abs(days)}`;
  const words = fill(dialog.dataset[moves], { day: local(day(from, days)), days: by });
  mark.setAttribute("transform", `translate(${across} 0)`);
  if (stuck) tell(dialog.dataset.stays_past, dialog.dataset.stays_past, across);
  else tell(words, fill(dialog.dataset.asks, { move: words }), across);
}

function refuse() {
  const why = dialog.dataset[`stays_${held.mark.dataset.stays ?? "others"}`];
  tell(why, why);
}

function giveUp() {
  if (!held) return;
  held.mark.removeAttribute("transform");
  held.row.querySelector("[data-says]")?.remove();
  delete held.row.dataset.held;
  held = null;
  says.textContent = "";
}

function ask() {
  const { mark, row, days } = held;
  const { moves, from } = mark.dataset;
  const of = bar(row).dataset;
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
  dragged = false;
  if (event.button !== 0 || dialog.open) return;
  const row = event.target.closest?.(".road-box a");
  const mark = row && event.target.closest(MARKS);
  giveUp();
  downX = row ? event.clientX : null;
  if (mark) hold(mark, { pointer: event.pointerId });
});

document.addEventListener("pointermove", (event) => {
  const pixels = event.clientX - downX;
  if (downX !== null && event.buttons && Math.abs(pixels) > SLACK) dragged = true;
  if (held?.pointer !== event.pointerId) return;
  const { mark } = held;
  // Let go where nobody told: outside of the window, or of a row that has left the page.
  if (!event.buttons || !mark.isConnected) return giveUp();
  if (!dragged) return;
  if (mark.matches(MOVES)) shift(Math.round(pixels / scale(mark.ownerSVGElement) / Number(mark.ownerSVGElement.dataset.day)));
  else refuse();
});

// From here on the pointer moves nothing, wherever it goes: what it let go waits for the answer.
document.addEventListener("pointerup", (event) => {
  downX = null;
  if (held?.pointer !== event.pointerId) return;
  held.pointer = null;
  if (held.days && held.mark.isConnected) ask();
  else if (held.mark.matches(MOVES) || !dragged) giveUp();
});

document.addEventListener("pointercancel", (event) => held?.pointer === event.pointerId && giveUp());
// The row is a link, which a browser would drag itself, and follow when it is let go.
document.addEventListener("dragstart", (event) => downX !== null && event.preventDefault());
document.addEventListener("click", (event) => dragged && event.detail && event.preventDefault(), true);

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && held && !dialog.open) {
    event.preventDefault();
    giveUp();
    return;
  }
  const row = document.activeElement?.closest(".road-box a");
  const own = row && bar(row);
  if (!own || dialog.open || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (step) {
    event.preventDefault();
    // The bar, as a pointer would take it; of one that stays, the flag.
    if (held?.row !== row) hold(own.matches(MOVES) ? own : (row.querySelector(MOVES) ?? own));
    if (held.mark.matches(MOVES)) shift(held.days + step * (event.shiftKey ? 7 : 1));
    else refuse();
  } else if (event.key === "Enter" && held?.row === row && held.days) {
    ask();
    event.preventDefault();
  }
});

document.addEventListener("focusout", ({ target }) => held && held.pointer == null && !dialog.open && target === held.row && giveUp());

dialog.addEventListener("close", () => {
  const row = held?.row;
  // What was saved stays where it was put until the page brings its new place.
  if (dialog.returnValue === "saved") {
    delete row?.dataset.held;
    held = null;
  } else giveUp();
  dialog.returnValue = "";
  slot.replaceChildren();
  row?.focus();
});
