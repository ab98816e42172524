// On a phone a roadmap is wider than its box, beside a column of names that stays in sight: it opens shortly before today.
const LEAD = 40; // pixels, enough for the words above it
const box = document.querySelector("[data-opens-today]");
const names = box?.querySelector(".road-names");
const today = box?.querySelector(".road-rows > svg .v-today");
if (today && names.offsetWidth) {
  box.scrollLeft += today.getBoundingClientRect().left - names.getBoundingClientRect().right - LEAD;
}
