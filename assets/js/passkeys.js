// allauth's scripts talk to the device; where that fails or is cancelled, they tell the document.
export function tellOfFailedPasskeys() {
  document.addEventListener("allauth.error", (event) => {
    const text = document.querySelector("[data-passkey-failed]")?.dataset.passkeyFailed;
    if (!text) return;
    event.preventDefault();
    document.dispatchEvent(new CustomEvent("toast", { detail: { tone: "error", text } }));
  });
}
