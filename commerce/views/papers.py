"""The papers of a contract, and its quarterly review."""

from uuid import UUID

from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.http import AccountRequest, requires
from accounts.permissions import Permission
from commerce.contracts import reviews
from commerce.contracts.papers import note_download, paper_by_key, papers_of
from commerce.models import Contract
from tracking.models import EventName
from tracking.services import record


@require_safe
@requires(Permission.VIEW_CONTRACTS)
def papers(request: AccountRequest, number: str) -> HttpResponse:
    """What was signed, and what else there is to download about a contract."""
    contract = contract_of(request, number)
    shows_prices = request.membership.may(Permission.VIEW_PRICES)
    context = {
        "contract": contract,
        "papers": papers_of(contract, shows_prices=shows_prices),
        "shows_prices": shows_prices,
    }
    return render(request, "commerce/contract_papers.html", context)


@require_safe
@requires(Permission.VIEW_CONTRACTS)
def download_paper(request: AccountRequest, number: str, key: UUID) -> HttpResponseBase:
    """One of them, for those who may see it. Never shown inside our pages; each download is written down."""
    contract = contract_of(request, number)
    paper = paper_by_key(contract, str(key), shows_prices=request.membership.may(Permission.VIEW_PRICES))
    if paper is None:
        raise Http404
    if request.method == "GET":  # HEAD asks about the file, and takes nothing.
        note_download(contract=contract, paper=paper, actor=request.actor, now=timezone.now())
    response = FileResponse(
        paper.file.content.open("rb"),
        as_attachment=True,
        filename=paper.file.name,
        content_type=paper.file.content_type,
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@require_safe
@requires(Permission.VIEW_CONTRACTS)
def contract_review(request: AccountRequest, number: str) -> HttpResponse:
    """The contract as of today for a quarterly review, as a PDF."""
    contract = contract_of(request, number)
    now = timezone.now()
    today = request.account.local_date(now)
    if request.method == "GET":
        record(
            name=EventName.DOCUMENT_DOWNLOADED,
            actor=request.actor,
            now=now,
            object_type="contract_review",
            object_id=str(contract.public_id),
            properties={"contract": contract.number, "day": today.isoformat()},
        )
    response = HttpResponse(reviews.to_pdf(contract, request.membership, today), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="review-{contract.number}-{today}.pdf"'
    return response


def contract_of(request: AccountRequest, number: str) -> Contract:
    """The company's contract that the address names."""
    contract = get_object_or_404(Contract.objects.for_account(request.account).by_number(number))
    contract.account = request.account  # Read already.
    return contract
