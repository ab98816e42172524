// Shows the OpenAPI document, and lets whoever is signed in try a request as themselves.
const docs = document.getElementById("docs");
const cookie = (name) => document.cookie.split("; ").find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);

window.SwaggerUIBundle({
  url: docs.dataset.document,
  domNode: docs,
  deepLinking: true,
  docExpansion: "none",
  validatorUrl: null,
  requestInterceptor(request) {
    const token = cookie("csrftoken");
    if (token) request.headers["X-CSRFToken"] = token;
    return request;
  },
});
