// Keeps an open page current: asks for a short stamp every few seconds, and has the page's own address morphed in when
// the stamp differs. What a person has open, holds or has typed stays as it is. Who has just changed something, or taken it
// back, waits for the forecast: as long as the message of it stands, the page looks more often.
const EVERY = 5000;
const SOON = 1250;
const typed = "[data-editing], form[data-dirty], [data-held]";
let asking = false;
let looked = performance.now();

const element = (node) => node.nodeType === Node.ELEMENT_NODE;
const { callbacks } = window.Idiomorph.defaults;

callbacks.beforeNodeMorphed = (old, fresh) => {
  if (!element(old)) return true;
  if (old.localName === "plotted-figure" && element(fresh)) {
    old.take(fresh);
    return false;
  }
  return !old.matches(`${typed}, input[data-select], dialog[open]`);
};
callbacks.beforeNodeRemoved = (old) => !(element(old) && old.matches(typed));
callbacks.beforeAttributeUpdated = (name, node) =>
  !(name === "open" && node.matches("details, dialog")) && !(name === "style" && node.matches("[data-slot]"));

async function look() {
  const main = document.getElementById("main");
  if (document.hidden || asking || !main?.dataset.pulse) return;
  asking = true;
  looked = performance.now();
  try {
    const answer = await fetch(main.dataset.pulse, { redirect: "error" });
    const stamp = answer.ok ? await answer.text() : main.dataset.stamp;
    if (stamp !== main.dataset.stamp) window.htmx.trigger(document.body, "refresh");
  } catch {
    // The network is away, or nobody is signed in any more: the page stays as it was, and the next look may do.
  } finally {
    asking = false;
  }
}

setInterval(() => {
  if (performance.now() - looked > EVERY - SOON / 2 || document.querySelector("#toasts > .toast")) look();
}, SOON);
document.addEventListener("visibilitychange", look);
