// What the last action did leaves by itself after ten seconds, but never from under the pointer or the focus.
const STAYS = 10_000;

function leave(toast) {
  if (toast.matches(":hover, :focus-within")) setTimeout(leave, STAYS, toast);
  else toast.remove();
}

function time(place) {
  // A refresh brings a whole list into this one.
  for (const list of place.querySelectorAll(".toasts")) list.replaceWith(...list.children);
  for (const toast of place.querySelectorAll(".toast:not([data-timed])")) {
    toast.dataset.timed = "";
    setTimeout(leave, STAYS, toast);
  }
}

const place = document.getElementById("toasts");
if (place) {
  time(place);
  new MutationObserver(() => time(place)).observe(place, { childList: true });
}
