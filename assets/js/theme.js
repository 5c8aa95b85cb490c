// The theme follows the system until the person chooses; the choice is a cookie, so that the server renders it at once.
const ONE_YEAR = 60 * 60 * 24 * 365;
const systemPrefersDark = window.matchMedia("(prefers-color-scheme: dark)");

export function currentTheme() {
  return document.documentElement.dataset.theme || (systemPrefersDark.matches ? "dark" : "light");
}

export function themeToggle() {
  return {
    theme: currentTheme(),
    get isDark() {
      return this.theme === "dark";
    },
    get label() {
      return this.isDark ? this.$root.dataset.toLight : this.$root.dataset.toDark;
    },
    init() {
      this.$root.hidden = false;
      systemPrefersDark.addEventListener("change", () => this.show());
    },
    toggle() {
      const chosen = this.isDark ? "light" : "dark";
      const secure = window.location.protocol === "https:" ? "; secure" : "";
      document.cookie = `theme=${chosen}; path=/; max-age=${ONE_YEAR}; samesite=lax${secure}`;
      document.documentElement.dataset.theme = chosen;
      this.show();
    },
    show() {
      this.theme = currentTheme();
      document.dispatchEvent(new CustomEvent("portal:theme"));
    },
  };
}
