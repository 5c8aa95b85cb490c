// Short confirmations after an htmx request. A view answers with the header
// HX-Trigger: {"toast": {"tone": "success", "text": "Reply sent."}}; errors stay until dismissed, the rest leave.
const SHOWN_FOR_MS = 6000;
let lastId = 0;

export function toasts() {
  return {
    items: [],
    init() {
      document.addEventListener("toast", (event) => this.add(event.detail.text, event.detail.tone || "info"));
      document.addEventListener("htmx:sendError", (event) => this.fail(event, this.$root.dataset.offline));
      document.addEventListener("htmx:responseError", (event) => this.fail(event, this.$root.dataset.failed));
    },
    // What a page asks by itself may fail in silence: nobody did anything.
    fail(event, text) {
      if (!event.target.closest?.("[data-polls]")) this.add(text, "error");
    },
    add(text, tone) {
      const id = ++lastId;
      this.items.push({ id, text, tone });
      if (tone !== "error") window.setTimeout(() => this.remove(id), SHOWN_FOR_MS);
    },
    remove(id) {
      this.items = this.items.filter((item) => item.id !== id);
    },
  };
}
