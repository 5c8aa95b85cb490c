// The staff's admin: landmarks and names that unfold's pages leave out, for those who listen to them.

function nameLandmarks() {
  const main = document.getElementById("main");
  if (!main) return;
  main.setAttribute("role", "main");
  const title = main.querySelector("h1");
  if (!title) return;
  title.id ||= "page-title";
  for (const tabs of main.querySelectorAll("nav:not([aria-label], [aria-labelledby])")) {
    tabs.setAttribute("aria-labelledby", title.id);
  }
}

// Simplebar calls each area that scrolls a region, all by one name. They are no landmarks.
function demoteScrollAreas() {
  for (const area of document.querySelectorAll(".simplebar-content-wrapper[role=region]")) area.setAttribute("role", "group");
}

// In a table of rows to edit, the column's heading is a field's only label.
function nameCells(root) {
  for (const field of root.querySelectorAll("td[data-label] :is(input:not([type=hidden]), select, textarea)")) {
    if (!field.labels.length) field.setAttribute("aria-label", field.closest("td").dataset.label);
  }
}

// Select2 names its box by the choice alone, so an empty one has no name.
function nameChoices(root) {
  for (const choice of root.querySelectorAll(".select2-selection__rendered[role=textbox]")) {
    const select = choice.closest(".select2-container").previousElementSibling;
    const name = select?.labels?.[0]?.textContent.replace("*", "").trim() || select?.getAttribute("aria-label");
    if (name) choice.setAttribute("aria-label", `${name}: ${choice.title}`.replace(/: $/, ""));
  }
}

function nameFields(root) {
  nameCells(root);
  nameChoices(root);
}

document.addEventListener("formset:added", (event) => nameFields(event.target));
// A brand's preview wears the colours that its form has at the moment.
document.addEventListener("input", (event) => {
  const [, name, theme] = /^(primary|accent)_(light|dark)$/.exec(event.target.name) ?? [];
  const preview = theme && document.querySelector(`[data-brand-preview] [data-theme-colours="${theme}"]`);
  preview?.style.setProperty(`--preview-${name}`, event.target.value);
});
document.addEventListener("DOMContentLoaded", nameLandmarks);
addEventListener("load", () => {
  demoteScrollAreas();
  nameFields(document);
  window.django?.jQuery(document).on("change", "select", () => nameChoices(document));
});
