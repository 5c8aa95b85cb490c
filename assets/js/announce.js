// Says aloud what an htmx swap changed. Something in the new content, or the element it went into, carries the sentence in
// data-announce; elements without one stay silent, so that what asks again by itself does not chatter.
function sentenceOf(element) {
  const holder = element.querySelector("[data-announce]") ?? element.closest("[data-announce]");
  return holder ? holder.dataset.announce || holder.textContent.trim() : "";
}

export function announce(sentence) {
  const region = document.getElementById("announcer");
  if (!region || !sentence) return;
  region.textContent = "";
  // A screen reader speaks a change: the same sentence twice in a row has to be a change too.
  window.setTimeout(() => {
    region.textContent = sentence;
  }, 50);
}

export function announceSwaps() {
  document.addEventListener("htmx:afterSwap", (event) => {
    // After outerHTML the target is no longer in the page: what took its place has the same id.
    const target = event.detail.target;
    const shown = target.isConnected ? target : document.getElementById(target.id);
    if (shown) announce(sentenceOf(shown));
  });
}
