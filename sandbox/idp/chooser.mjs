// The one page of our identity providers: who do you want to be?

const escaped = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

export function chooser(people, address) {
  const link = (index) => `${address}${address.includes("?") ? "&" : "?"}person=${index}`;
  const rows = people.map(
    (person, index) =>
      `<li><a href="${escaped(link(index))}">${escaped(person.name)}</a> ${escaped(person.email)} (${escaped(person.groups.join(", "))})</li>`,
  );
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Demo identity provider</title><h1>Demo identity provider</h1><p>Sign in as:</p><ul>${rows.join("")}</ul></html>`;
}
