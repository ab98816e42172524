// Copies the address of the page, with the day where the page can be shown as it was. Only where a script can copy.
const button = document.querySelector("[data-copy]");

if (button && navigator.clipboard) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const address = new URL(location.href);
    if (button.dataset.copy && !address.searchParams.has("week")) address.searchParams.set("as_of", button.dataset.copy);
    await navigator.clipboard.writeText(address.href);
    const toast = Object.assign(document.createElement("div"), { className: "toast" });
    toast.append(Object.assign(document.createElement("span"), { textContent: button.dataset.copied }));
    document.getElementById("toasts").append(toast);
  });
}
