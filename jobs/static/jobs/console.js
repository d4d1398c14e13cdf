// Keeps what a reader has unfolded unfolded when a part of the page renews itself.
(function () {
  let open = [];
  const unfolded = () => Array.from(document.querySelectorAll(".fo details[id][open]"), (found) => found.id);
  document.addEventListener("htmx:beforeSwap", () => { open = unfolded(); });
  document.addEventListener("htmx:afterSettle", () => {
    open.forEach((id) => { const found = document.getElementById(id); if (found) { found.open = true; } });
  });
  // Says that what is shown is old when the service does not answer.
  const stale = (is) => document.querySelectorAll(".fo-stale").forEach((found) => { found.hidden = !is; });
  document.addEventListener("htmx:sendError", () => stale(true));
  document.addEventListener("htmx:responseError", () => stale(true));
})();
