// A form that is shown only to be sent on: after a confirmation (templates/accounts/carry_on.html).
export function sendAtOnce() {
  document.querySelector("form[data-send-at-once]")?.requestSubmit();
}
