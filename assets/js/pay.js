// Paying by card. The card's number goes from the browser to Stripe; the portal is told which card was set up there.
// Loaded after Stripe.js, on the pay page (data-pay="card") and while the bank has a question (data-pay="bank").
const form = document.querySelector("[data-pay]");
const button = form.querySelector("[data-pay-button]");
const problem = document.querySelector("[data-pay-error]");
const label = button.innerHTML;

// What the portal answers: {next}, {client_secret, finish} or {error}. Anything else is no answer.
async function ask(url, values) {
  const response = await fetch(url, {
    method: "POST",
    headers: { Accept: "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
    body: new URLSearchParams(values),
  });
  if (!response.headers.get("Content-Type")?.startsWith("application/json")) throw new Error(`status ${response.status}`);
  return response.json();
}

function show(message) {
  problem.querySelector("p").textContent = message;
  problem.hidden = !message;
}

function busy(isBusy) {
  button.disabled = isBusy;
  form.setAttribute("aria-busy", String(isBusy));
  if (isBusy) button.textContent = form.dataset.textBusy;
  else button.innerHTML = label;
}

// Stripe's own words where it has some; a mistake in the form comes without a code.
const reason = (error) => (error.code || error.type ? error.message : form.dataset.textIncomplete);

async function answerBank(stripe, { client_secret: secret, finish }) {
  await stripe.confirmCardPayment(secret);
  // Whatever the bank said, the portal asks Stripe itself.
  const { next } = await ask(finish, {});
  location.assign(next);
}

async function payByCard(stripe, card) {
  const place = await ask(form.dataset.prepare, {});
  if (place.next) return location.assign(place.next);
  if (place.error) return place.error;
  const { error, setupIntent } = await stripe.confirmCardSetup(place.client_secret, { payment_method: { card } });
  if (error) return reason(error);
  const answer = await ask(form.dataset.start, { setup: setupIntent.id });
  if (answer.error) return answer.error;
  if (answer.client_secret) return answerBank(stripe, answer);
  return location.assign(answer.next);
}

async function askBankAgain(stripe) {
  const answer = await ask(form.dataset.finish, { ask: "1" });
  if (answer.client_secret) return answerBank(stripe, answer);
  return location.assign(answer.next);
}

function begin() {
  if (!window.Stripe) return show(form.dataset.textMissing);
  const stripe = window.Stripe(form.dataset.key);
  let pay = () => askBankAgain(stripe);
  if (form.dataset.pay === "card") {
    const place = form.querySelector("[data-card]");
    const base = { color: getComputedStyle(place).color, fontSize: "16px" };
    const card = stripe.elements().create("card", { hidePostalCode: true, style: { base } });
    card.mount(place);
    pay = () => payByCard(stripe, card);
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    show("");
    busy(true);
    try {
      const message = await pay();
      if (message) {
        show(message);
        busy(false);
      }
    } catch {
      // Nobody knows how far it came: the same page, loaded again, does.
      location.reload();
    }
  });
  return busy(false);
}

// Back from another page: what this one remembers may no longer be so.
addEventListener("pageshow", (event) => event.persisted && location.reload());
begin();
