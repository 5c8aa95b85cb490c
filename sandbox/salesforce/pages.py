"""The org for people: what it holds, and a form to change a record "in Salesforce" and watch it reach the portal."""

from html import escape
from pathlib import Path
from urllib.parse import quote

from sandbox.salesforce import records
from sandbox.salesforce.errors import ApiError, method_not_allowed
from sandbox.salesforce.fields import NUMBER_TYPES, Field, Record, SObject, Value
from sandbox.salesforce.messages import Request, Response
from sandbox.salesforce.org import PEOPLE, Org
from sandbox.salesforce.schema import OBJECTS, USER, find_object, object_of_id

PAGE_SIZE = 50
EDITOR = PEOPLE[-1]
POLICY = (
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; img-src data:"
)
STYLESHEET = (Path(__file__).parent / "org.css").read_bytes()


def serve(org: Org, request: Request) -> Response:
    """The pages: `/`, `/o/<object>`, `/o/<object>/<id>`, and the stylesheet."""
    sobject = find_object(request.segments[1]) if len(request.segments) > 1 else None
    match request.segments:
        case ["org.css"]:
            return Response(content=STYLESHEET, media_type="text/css;charset=UTF-8")
        case []:
            return _only_read(request) or _objects(org)
        case ["o", _] if sobject:
            return _only_read(request) or _listing(org, sobject, request)
        case ["o", _, record_id] if sobject:
            record = org.store.get(sobject, record_id)
            if record is None:
                return _missing()
            if request.method == "POST":
                return _save(org, sobject, record, request)
            return _only_read(request) or _form(org, sobject, record, saved="saved" in request.query)
    return _missing()


def _only_read(request: Request) -> Response | None:
    if request.method in ("GET", "HEAD"):
        return None
    error = method_not_allowed(request.method, ["GET"])
    return _page("Not possible here", f"<p>{escape(error.message)}</p>", status=405)


def _missing() -> Response:
    return _page("Nothing here", '<p>There is no such page in this org. <a href="/">See what it holds</a>.</p>', 404)


def _page(title: str, body: str, status: int = 200, *, crumbs: str = "") -> Response:
    html = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · Salesforce stand-in</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/org.css">
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<nav aria-label="Breadcrumb"><a href="/">Salesforce stand-in</a>{crumbs}</nav>
<main id="main">
<h1>{escape(title)}</h1>
{body}
</main>
</body>
</html>
"""
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "Referrer-Policy": "same-origin"}
    return Response(status, content=html.encode(), headers=headers, media_type="text/html;charset=UTF-8")


def _objects(org: Org) -> Response:
    rows = "".join(
        f'<tr><th scope="row"><a href="/o/{quote(sobject.name)}">{escape(sobject.plural)}</a></th>'
        f'<td class="soft">{escape(sobject.name)}</td><td class="number">{org.store.count(sobject):,}</td></tr>'
        for sobject in OBJECTS
    )
    intro = (
        '<p class="soft">This plays the part of your Salesforce org. Open an account, change its industry, and it '
        "reaches the portal with the next poll.</p>"
    )
    head = (
        '<thead><tr><th scope="col">Object</th><th scope="col">API name</th>'
        '<th scope="col" class="number">Records</th></tr></thead>'
    )
    return _page("What this org holds", intro + _table("Objects", head, rows))


def _table(label: str, head: str, rows: str) -> str:
    """A table in a frame that scrolls sideways, also by keyboard, where the screen is narrow."""
    return (
        f'<div class="scroll" role="region" aria-label="{escape(label)}" tabindex="0"><table>{head}'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _title(sobject: SObject, record: Record) -> str:
    name = sobject.name_field
    return str((name and record[name.name]) or record["Id"])


def _listing(org: Org, sobject: SObject, request: Request) -> Response:
    number = request.query.get("page", "1")
    page = max(1, int(number)) if number.isdigit() and len(number) < 7 else 1
    found = org.store.all(sobject, limit=PAGE_SIZE + 1, offset=(page - 1) * PAGE_SIZE)
    rows = "".join(_listed(org, sobject, record) for record in found[:PAGE_SIZE])
    if not rows:
        return _page(sobject.plural, "<section><p>No records yet.</p></section>")
    head = (
        '<thead><tr><th scope="col">Record</th><th scope="col">Portal id</th>'
        '<th scope="col">Last change</th><th scope="col">By</th></tr></thead>'
    )
    table = _table(sobject.plural, head, rows)
    links = []
    if page > 1:
        links.append(f'<a rel="prev" href="?page={page - 1}">Newer</a>')
    if len(found) > PAGE_SIZE:
        links.append(f'<a rel="next" href="?page={page + 1}">Older</a>')
    turning = f'<nav aria-label="Pages">{" · ".join(links)}</nav>' if links else ""
    return _page(sobject.plural, f'<p class="soft">Latest change first.</p>{table}{turning}')


def _listed(org: Org, sobject: SObject, record: Record) -> str:
    title = escape(_title(sobject, record))
    link = f'<a href="/o/{quote(sobject.name)}/{record["Id"]}">{title}</a>'
    name = f'<span class="deleted">{title}</span> (deleted)' if record["IsDeleted"] else link
    portal_id = escape(str(record.get("Portal_Id__c") or "–"))
    return (
        f'<tr><th scope="row">{name}</th><td>{portal_id}</td><td>{_when(record["SystemModstamp"])}</td>'
        f"<td>{_linked(org, record['LastModifiedById'])}</td></tr>"
    )


def _when(value: Value) -> str:
    text = str(value)
    return f'<time datetime="{escape(text[:23])}Z">{escape(text[:19].replace("T", " "))} UTC</time>'


def _linked(org: Org, value: Value) -> str:
    """A reference as the name of what it points at."""
    target = object_of_id(str(value)) if value else None
    record = org.store.get(target, str(value)) if target else None
    if target is None or record is None:
        return escape(str(value)) if value else "–"
    return f'<a href="/o/{quote(target.name)}/{record["Id"]}">{escape(_title(target, record))}</a>'


def _form(
    org: Org,
    sobject: SObject,
    record: Record,
    *,
    saved: bool = False,
    refusal: ApiError | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    """A record with a form for what can be changed. `typed` is what a person entered that was refused."""
    editable = [] if record["IsDeleted"] or not sobject.writable else [f for f in sobject.fields if f.updateable]
    editable.sort(key=lambda field: field.name in ("OwnerId", "CurrencyIsoCode"))
    notice = ""
    if refusal is not None:
        notice = f'<p class="refused" role="alert">Not saved: {escape(refusal.message)} ({escape(refusal.code)})</p>'
    elif saved:
        notice = '<p class="saved" role="status">Saved. The portal sees it with its next poll.</p>'
    elif record["IsDeleted"]:
        notice = '<p class="refused" role="status">This record is in the recycle bin.</p>'
    form = ""
    if editable:
        entries = "".join(_entry(org, field, record, typed or {}, refusal) for field in editable)
        form = (
            f'<section><h2>Change this record as {escape(" ".join(EDITOR[:2]))}</h2><form method="post">'
            f'<div class="fields">{entries}</div><p class="actions"><button type="submit">Save</button></p>'
            "</form></section>"
        )
    fixed = "".join(
        f"<dt>{escape(field.label)}</dt><dd>{_fact(org, field, record[field.name])}</dd>"
        for field in sobject.fields
        if field not in editable
    )
    crumbs = f' / <a href="/o/{quote(sobject.name)}">{escape(sobject.plural)}</a>'
    body = f"{notice}{form}<section><h2>Set by the org</h2><dl>{fixed}</dl></section>"
    return _page(_title(sobject, record), body, 400 if refusal else 200, crumbs=crumbs)


def _fact(org: Org, field: Field, value: Value) -> str:
    if field.type == "reference":
        return _linked(org, value)
    if field.type == "datetime" and value:
        return _when(value)
    if field.type == "boolean":
        return "Yes" if value else "No"
    return escape(_text(field, value)) or "–"


def _text(field: Field, value: Value) -> str:
    """A value as the form shows it and gets it back when nobody touched it."""
    if value is None:
        return ""
    if field.type in NUMBER_TYPES:
        return f"{value:.{field.scale}f}"
    return str(value)


def _entry(org: Org, field: Field, record: Record, typed: dict[str, str], refusal: ApiError | None) -> str:
    value = typed.get(field.name, _text(field, record[field.name]))
    name = escape(field.name)
    wrong = ' aria-invalid="true"' if refusal and field.name in (refusal.fields or []) else ""
    shared = f'id="{name}" name="{name}"{wrong}'
    if field.type == "boolean":
        on = bool(typed.get(field.name)) if typed else bool(record[field.name])
        control = f'<input type="checkbox" {shared} value="true"{" checked" if on else ""}>'
    elif field.type == "picklist":
        choices = [(choice.value, choice.label) for choice in field.choices]
        control = _select(shared, choices, value)
    elif field.reference_to == ("User",):
        people = [(str(user["Id"]), str(user["Name"])) for user in org.store.find(USER, {"IsActive": True}, limit=200)]
        control = _select(shared, people, value)
    elif field.type == "textarea":
        control = f'<textarea {shared} maxlength="{field.length}">\n{escape(value)}</textarea>'
    else:
        kind = {"date": "date", "email": "email", "phone": "tel"}.get(field.type, "text")
        limit = f' maxlength="{field.length}"' if field.length else ""
        control = f'<input type="{kind}" {shared}{limit} value="{escape(value)}">'
    required = " (required)" if field.required else ""
    return f'<div><label for="{name}">{escape(field.label)}{required}</label>{control}</div>'


def _select(shared: str, choices: list[tuple[str, str]], value: str) -> str:
    if value not in [choice for choice, _ in choices]:
        choices = [(value, value), *choices]
    if "" not in [choice for choice, _ in choices]:
        choices = [("", ""), *choices]
    options = "".join(
        f'<option value="{escape(choice)}"{" selected" if choice == value else ""}>{escape(label) or "–"}</option>'
        for choice, label in choices
    )
    return f"<select {shared}>{options}</select>"


def _save(org: Org, sobject: SObject, record: Record, request: Request) -> Response:
    """Sends only what a person changed, as their own user: the sync must be able to tell them from the portal."""
    typed = {name: value.replace("\r\n", "\n") for name, value in request.form().items()}
    payload: dict[str, object] = {}
    for field in sobject.fields:
        if not field.updateable:
            continue
        if field.type == "boolean":
            if (field.name in typed) != bool(record[field.name]):
                payload[field.name] = field.name in typed
        elif field.name in typed and typed[field.name] != _text(field, record[field.name]):
            payload[field.name] = typed[field.name] or None
    editor = org.user_id(EDITOR[2]) or str(record["LastModifiedById"])
    try:
        if payload:
            records.update(org.store, sobject, str(record["Id"]), payload, records.Actor(editor))
    except ApiError as error:
        return _form(org, sobject, record, refusal=error, typed=typed)
    address = f"/o/{quote(sobject.name)}/{record['Id']}?saved"
    return Response(303, content=b"", headers={"Location": address}, media_type="text/plain")
