// Shows the OpenAPI document in the colours of the reader, and lets whoever is signed in try a request as themselves.
const docs = document.getElementById("docs");
const dark = matchMedia("(prefers-color-scheme: dark)");
const cookie = (name) => document.cookie.split("; ").find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);

function follow() {
  const { theme } = document.documentElement.dataset;
  document.documentElement.classList.toggle("dark-mode", theme ? theme === "dark" : dark.matches);
}

// What Swagger UI leaves out: names for the parts beside its main, and levels of headings without a gap.
function complete() {
  for (const [part, label] of [[".information-container", docs.dataset.about], [".scheme-container", docs.dataset.waysIn]]) {
    const node = docs.querySelector(part);
    node?.setAttribute("role", "region");
    node?.setAttribute("aria-label", label);
  }
  for (const heading of docs.querySelectorAll("h3.opblock-tag, .models > h4")) heading.setAttribute("aria-level", "2");
}

follow();
dark.addEventListener("change", follow);

window.SwaggerUIBundle({
  url: docs.dataset.document,
  domNode: docs,
  deepLinking: true,
  docExpansion: "none",
  validatorUrl: null,
  onComplete: complete,
  requestInterceptor(request) {
    const token = cookie("csrftoken");
    if (token) request.headers["X-CSRFToken"] = token;
    return request;
  },
});
