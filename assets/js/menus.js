// Menus are <details data-menu>: they open and close without any script. This adds what people expect of a menu:
// Escape and a click elsewhere close it, and only one is open at a time.
function openMenus() {
  return document.querySelectorAll("details[data-menu][open]");
}

export function closeMenusOutside() {
  document.addEventListener("click", (event) => {
    for (const menu of openMenus()) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of openMenus()) {
      const hadFocus = menu.contains(document.activeElement);
      menu.open = false;
      if (hadFocus) menu.querySelector("summary").focus();
    }
  });
  document.addEventListener("focusin", (event) => {
    for (const menu of openMenus()) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
}
