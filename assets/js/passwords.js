// A password that can be shown while it is typed. It is hidden again before the form is sent, so that the browser
// does not remember it as text.
export function passwordField() {
  return {
    shown: false,
    init() {
      this.$root.querySelector("button").hidden = false;
      this.$root.closest("form")?.addEventListener("submit", () => this.show(false));
    },
    toggle() {
      this.show(!this.shown);
    },
    show(shown) {
      this.shown = shown;
      this.$root.querySelector("input").type = shown ? "text" : "password";
    },
  };
}
