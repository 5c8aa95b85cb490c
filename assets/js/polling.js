// An element with data-polls asks again and again (hx-trigger "every"): not while nobody looks at the page.
export function pausePolling() {
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden && event.target.closest?.("[data-polls]")) event.preventDefault();
  });
}
