// Draws a figure that the server made (Plotly's JSON), in the colours of the page: "var(--accent)" stands for a token.
// Without it, or without scripts, the table beside the figure says the same; once drawn, that table is folded.
const TOKEN = /^var\(--[\w-]+\)$/;
const dark = matchMedia("(prefers-color-scheme: dark)");
const coarse = matchMedia("(pointer: coarse)");
const calm = matchMedia("(prefers-reduced-motion: reduce)");

function coloured(value, probe) {
  if (typeof value === "string" && TOKEN.test(value)) {
    probe.style.color = value;
    return getComputedStyle(probe).color;
  }
  if (Array.isArray(value)) return value.map((one) => coloured(one, probe));
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, coloured(one, probe)]));
  return value;
}

class PlottedFigure extends HTMLElement {
  connectedCallback() {
    this.source = this.querySelector("template").content.textContent;
    this.figure = JSON.parse(this.source);
    this.place = this.querySelector("[data-plot]");
    this.draw = this.draw.bind(this);
    this.draw();
    dark.addEventListener("change", this.draw);
    const twin = this.parentElement.querySelector("details[data-twin]");
    if (twin) twin.open = false;
  }

  disconnectedCallback() {
    dark.removeEventListener("change", this.draw);
    window.Plotly.purge(this.place);
  }

  // A newer answer of the page: drawn again only where its figure differs.
  take(fresh) {
    const source = fresh.querySelector("template").content.textContent;
    if (source === this.source) return;
    this.source = source;
    this.figure = JSON.parse(source);
    this.draw();
  }

  draw() {
    const { data, layout } = coloured(this.figure, this.place);
    this.place.style.color = "";
    layout.font.family = getComputedStyle(this).fontFamily;
    // Where a drag zooms in, a finger still scrolls the page.
    if (coarse.matches) layout.dragmode = false;
    const doubleClick = layout.dragmode ? "reset" : false;
    const options = { displayModeBar: false, responsive: true, scrollZoom: false, doubleClick, showTips: false };
    window.Plotly.react(this.place, data, calm.matches ? { ...layout, transition: { duration: 0 } } : layout, options);
  }
}

customElements.define("plotted-figure", PlottedFigure);
