// Beside every field that takes a day as text, a calendar: the browser's own, opened by a button. Below it, while somebody
// types, the day that the server reads in it.
const WAIT = 250;

function local(day) {
  const [year, month, date] = day.split("-").map(Number);
  return new Date(year, month - 1, date).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}

function tell(field, place) {
  let timer = 0;
  let asked = 0;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    const mine = ++asked;
    const show = (text) => {
      if (mine === asked) place.textContent = text;
    };
    timer = setTimeout(async () => {
      try {
        const answer = await fetch(`/day?text=${encodeURIComponent(field.value)}`, { redirect: "error" });
        show(answer.ok ? await answer.text() : "");
      } catch {
        show("");
      }
    }, WAIT);
  });
}

function equip(field) {
  if (field.disabled) return;
  // A field that moves loses the focus that editing in place gave it.
  const focused = field === document.activeElement;
  const box = document.createElement("span");
  box.className = "day";
  field.replaceWith(box);
  const calendar = Object.assign(document.createElement("input"), { type: "date", tabIndex: -1, className: "sr-only" });
  calendar.setAttribute("aria-hidden", "true");
  const button = Object.assign(document.createElement("button"), { type: "button", className: "btn ghost icon-only" });
  const icon = document.getElementById("calendar-icon");
  button.setAttribute("aria-label", icon.dataset.label);
  button.append(icon.content.cloneNode(true));
  const meant = Object.assign(document.createElement("span"), { className: "hint" });
  meant.setAttribute("role", "status");
  box.append(field, calendar, button);
  box.after(meant);
  tell(field, meant);
  if (focused) {
    field.focus();
    field.select();
  }
  button.addEventListener("click", () => calendar.showPicker());
  calendar.addEventListener("change", () => {
    if (!calendar.value) return;
    field.value = local(calendar.value);
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  });
}

const all = (place) => place.querySelectorAll("input[data-day]:not(.day > input)");
all(document).forEach(equip);
document.addEventListener("htmx:afterSettle", ({ target }) => all(target).forEach(equip));
