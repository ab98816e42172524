// Menus that drop down: one at a time, closed by Escape, or a click or the focus elsewhere, and wholly in sight.
const OPEN = "details.menu[open]";

function close(menu) {
  menu.open = false;
}

document.addEventListener(
  "toggle",
  ({ target }) => {
    if (!target.matches?.(OPEN)) return;
    for (const other of document.querySelectorAll(OPEN)) if (other !== target) close(other);
    target.querySelector(".panel")?.scrollIntoView({ block: "nearest" });
    target.querySelector("[data-enter] a")?.focus();
  },
  true,
);

for (const leaves of ["click", "focusin"]) {
  document.addEventListener(leaves, ({ target }) => {
    for (const menu of document.querySelectorAll(OPEN)) if (!menu.contains(target)) close(menu);
  });
}

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector(OPEN);
  if (!menu) return;
  close(menu);
  menu.querySelector("summary").focus();
});
