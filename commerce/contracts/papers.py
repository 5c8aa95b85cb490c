"""The papers of a contract: added by our people, downloaded by the customer, and who took which one when."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import StoredFile, User
from accounts.permissions import Permission
from accounts.services import check_upload, store_content
from commerce.models import Contract, ContractPaper, PaperKind, Quote, QuoteStatus
from tracking.actor import Actor
from tracking.models import Event, EventName
from tracking.services import record

SUFFIXES = (".pdf", ".docx", ".xlsx")
OBJECT_TYPES = ("contract_paper", "quote")  # Of the events that tell of a download; a quote has a page of its own, too.
TAKEN = (QuoteStatus.ACCEPTED, QuoteStatus.ORDERED)


@dataclass(frozen=True)
class Download:
    """That somebody took a paper."""

    who: str  # Their name, or what they are.
    at: datetime


@dataclass(frozen=True)
class ShownPaper:
    """A paper as the customer finds it: one that was put there, or the PDF of a quote that was accepted."""

    title: str
    kind: str
    file: StoredFile
    day: datetime  # When it came to be there.
    key: str  # Its name in addresses and in the record of downloads.


def add_paper(
    *, contract: Contract, kind: PaperKind, title: str, upload: UploadedFile[bytes], staff: User, now: datetime
) -> ContractPaper:
    """Put a paper where the customer finds it. Raises `FileRefused`."""
    checked = check_upload(upload, suffixes=SUFFIXES)
    with transaction.atomic():
        stored = store_content(
            account=contract.account,
            name=PurePath((upload.name or "paper").replace("\x00", "")).name[:200],
            content=upload.read(),
            content_type=checked.content_type,
            permission=Permission.VIEW_PRICES if kind.shows_prices else Permission.VIEW_CONTRACTS,
        )
        return ContractPaper.objects.create(
            account=contract.account,
            contract=contract,
            kind=kind,
            title=title,
            file=stored,
            added_by=staff,
            created_at=now,
        )


def papers_of(contract: Contract, *, shows_prices: bool) -> list[ShownPaper]:
    """What the customer may download about a contract, the latest first. Two queries, one without prices."""
    papers = ContractPaper.objects.filter(contract=contract).offered().select_related("file")
    found = [
        ShownPaper(paper.title, str(paper.kind_choice.label), paper.file, paper.created_at, str(paper.public_id))
        for paper in papers
        if shows_prices or not paper.kind_choice.shows_prices
    ]
    if shows_prices:
        found += [_of_quote(quote, quote.document) for quote in _accepted(contract) if quote.document]
    return sorted(found, key=lambda paper: (paper.day, paper.key), reverse=True)


def paper_by_key(contract: Contract, key: str, *, shows_prices: bool) -> ShownPaper | None:
    """One of `papers_of`; none for anything else."""
    return next((paper for paper in papers_of(contract, shows_prices=shows_prices) if paper.key == key), None)


def note_download(*, contract: Contract, paper: ShownPaper, actor: Actor, now: datetime) -> None:
    """Write down that somebody took it."""
    record(
        name=EventName.DOCUMENT_DOWNLOADED,
        actor=actor,
        now=now,
        object_type=OBJECT_TYPES[0],
        object_id=paper.key,
        properties={"contract": contract.number, "name": paper.title},
    )


def downloads_of(account_id: int, keys: Collection[str]) -> dict[str, list[Download]]:
    """Who of the company took which paper, the latest first. For our people; two queries."""
    events = list(
        Event.objects.for_account(account_id)
        .filter(name=EventName.DOCUMENT_DOWNLOADED, object_type__in=OBJECT_TYPES, object_id__in=keys)
        .order_by("-occurred_at", "-pk")
    )
    names = dict(User.objects.filter(pk__in={one.user_id for one in events}).values_list("pk", "name"))
    found: dict[str, list[Download]] = defaultdict(list)
    for event in events:
        found[event.object_id].append(Download(_name_of(event, names), event.occurred_at))
    return found


def _name_of(event: Event, names: dict[int, str]) -> str:
    name = names.get(event.user_id or 0, _("somebody who was erased"))
    return _("%(name)s, looking on for the customer") % {"name": name} if event.on_behalf_of else name


def _accepted(contract: Contract) -> Iterable[Quote]:
    return contract.quotes.filter(status__in=TAKEN, document__isnull=False).select_related("document")


def _of_quote(quote: Quote, document: StoredFile) -> ShownPaper:
    title = _("Quote %(number)s, accepted") % {"number": quote.number}
    accepted_at = quote.accepted_at or quote.created_at
    return ShownPaper(title, str(PaperKind.ORDER_FORM.label), document, accepted_at, str(quote.public_id))
