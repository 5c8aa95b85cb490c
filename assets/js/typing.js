// Helpers for forms that answer while someone types.

// While htmx fetches, the region that will change says so: CSS dims it, assistive technology waits.
export function markBusy() {
  document.addEventListener("htmx:beforeRequest", (event) => event.detail.target.setAttribute("aria-busy", "true"));
  for (const finished of ["htmx:afterRequest", "htmx:sendAbort"]) {
    document.addEventListener(finished, (event) => event.detail.target.removeAttribute("aria-busy"));
  }
}

// <input maxlength="120" data-counter="id-of-output"> writes "34 / 120" into that element.
function writeCount(input) {
  const output = document.getElementById(input.dataset.counter);
  if (output) output.textContent = `${input.value.length} / ${input.maxLength}`;
}

export function countCharacters() {
  document.addEventListener("input", (event) => {
    if (event.target.dataset.counter) writeCount(event.target);
  });
  document.querySelectorAll("[data-counter]").forEach(writeCount);
}
