"""Configurations that somebody saved: listed, opened, shared with colleagues, deleted."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.http import AccountRequest, requires
from accounts.models import Account
from accounts.paging import page_of
from accounts.permissions import Permission
from commerce.configuring import configurations
from commerce.configuring.configuration_forms import SaveForm, ShareForm, UnshareForm
from commerce.configuring.configuring import judge, price
from commerce.configuring.forms import ConfigurationForm
from commerce.configuring.notices import configure_url, told
from commerce.configuring.situations import Configuration, ConfigurationRefused, NoContract, TaxUnknown, situation_of
from commerce.models import SavedConfiguration
from commerce.pricing.quote import LineRole
from commerce.quotes.explanations import in_words
from commerce.views import guiding
from commerce.views.plans import configurator, nothing_to_configure


@require_safe
@requires(Permission.VIEW_PRICES)
def configuration_list(request: AccountRequest) -> HttpResponse:
    """One's own configurations and those that colleagues share, the last changed first."""
    saved = SavedConfiguration.objects.for_account(request.account).visible_to(request.user).named()
    page = page_of(saved.select_related("created_by", "quote").latest_first(), cursor=request.GET.get("cursor", ""))
    products = configurations.products_of(page.rows)
    context = {
        "page": page,
        "rows": [
            {"saved": one, "words": configurations.in_words(Configuration.from_json(one.configuration), products)}
            for one in page.rows
        ],
        "may_buy": request.membership.may(Permission.BUY),
    }
    return render(request, "commerce/configurations.html", context)


@require_safe
@requires(Permission.VIEW_PRICES)
def configuration(request: AccountRequest, public_id: uuid.UUID) -> HttpResponse:
    """One configuration, and what it would cost today."""
    return _page(request, _visible(request, public_id), ShareForm(request.membership))


@require_POST
@requires(Permission.BUY)
def save_configuration(request: AccountRequest) -> HttpResponse:
    """Keep what is in the configurator under a name, or write over the one that was opened there."""
    now = timezone.now()
    today = request.account.local_date(now)
    changes = _changed(request)
    try:
        situation = situation_of(request.account, today)
    except (NoContract, TaxUnknown) as refusal:
        return render(request, "commerce/configure_nothing.html", nothing_to_configure(refusal), status=422)
    form, named = ConfigurationForm(situation, request.POST), SaveForm(request.POST)
    typed = guiding.typed_in(form, request.POST)
    if typed is None or not named.is_valid():
        for error in named.errors.get("save_as", []):
            messages.error(request, str(error))
        return configurator(request, form, status=422)
    try:
        saved = configurations.save(
            situation=situation,
            user=request.user,
            actor=request.actor,
            typed=typed,
            name=named.cleaned_data["save_as"],
            now=now,
            changes=changes,
        )
    except configurations.NameTaken as refusal:
        messages.error(request, str(refusal))
        return configurator(request, form, status=422)
    messages.success(request, _("Saved. Nothing is ordered."))
    return redirect("commerce:configuration", saved.public_id)


@require_POST
@requires(Permission.BUY)
def share_configuration(request: AccountRequest, public_id: uuid.UUID) -> HttpResponse:
    """Let a colleague see it."""
    saved = _own(request, public_id)
    form = ShareForm(request.membership, request.POST)
    if not form.is_valid():
        return _page(request, saved, form, status=422)
    colleague = form.cleaned_data["colleague"]
    configurations.share(saved=saved, colleague=colleague, actor=request.actor, by=request.user, now=timezone.now())
    messages.success(request, _("%(name)s can see it now.") % {"name": colleague.user})
    return redirect("commerce:configuration", saved.public_id)


@require_POST
@requires(Permission.BUY)
def unshare_configuration(request: AccountRequest, public_id: uuid.UUID) -> HttpResponse:
    """A colleague shall see it no longer."""
    saved = _own(request, public_id)
    form = UnshareForm(request.POST)
    if not form.is_valid():
        messages.error(request, str(form.errors["colleague"][0]))
    elif configurations.stop_sharing(saved=saved, email=form.cleaned_data["colleague"], now=timezone.now()):
        messages.success(request, _("Your colleague can't see it any more."))
    return redirect("commerce:configuration", saved.public_id)


@require_POST
@requires(Permission.BUY)
def delete_configuration(request: AccountRequest, public_id: uuid.UUID) -> HttpResponse:
    """Delete it for everybody; the page has asked."""
    saved = _own(request, public_id)
    name = saved.name
    configurations.delete(saved=saved, now=timezone.now())
    messages.success(request, _("“%(name)s” is deleted.") % {"name": name})
    return redirect("commerce:configurations")


def _visible(request: AccountRequest, public_id: uuid.UUID) -> SavedConfiguration:
    found = SavedConfiguration.objects.for_account(request.account).visible_to(request.user).named()
    return get_object_or_404(
        found.with_readers().select_related("account", "created_by", "quote", "contract"), public_id=public_id
    )


def _own(request: AccountRequest, public_id: uuid.UUID) -> SavedConfiguration:
    """Only who made it shares and deletes it."""
    saved = _visible(request, public_id)
    if not saved.is_of(request.user):
        raise Http404
    return saved


def _changed(request: AccountRequest) -> SavedConfiguration | None:
    """The saved configuration that was opened in the configurator."""
    value = request.POST.get("saved", "")
    if not value:
        return None
    try:
        return _visible(request, uuid.UUID(value))
    except ValueError as error:
        raise Http404 from error


def _page(request: AccountRequest, saved: SavedConfiguration, form: ShareForm, *, status: int = 200) -> HttpResponse:
    wanted = Configuration.from_json(saved.configuration)
    carried = {"saved": str(saved.public_id), "source": saved.source}
    context: dict[str, object] = {
        "saved": saved,
        "is_own": saved.is_of(request.user),
        "may_buy": request.membership.may(Permission.BUY),
        "configurator_url": configure_url(wanted, **carried),
        "form": form,
        **_today(request.account, wanted, carried),
    }
    if not context.get("words"):  # Without a contract, or of what is sold no more.
        context["words"] = configurations.in_words(wanted, configurations.products_of([saved]))
    return render(request, "commerce/configuration.html", context, status=status)


def _today(account: Account, wanted: Configuration, carried: dict[str, str]) -> dict[str, object]:
    """What a configuration costs today, and what comes along; or what is wrong with it by now, with the way out."""
    try:
        situation = situation_of(account, account.local_date(timezone.now()))
    except (NoContract, TaxUnknown) as refusal:
        return {"problems": [{"text": str(refusal)}]}
    verdict = judge(situation, wanted)
    found: dict[str, object] = {
        "words": configurations.in_words(wanted, situation.products),
        "added": configurations.in_words(Configuration("", 0, verdict.added), situation.products),
    }
    try:
        priced = price(situation, wanted)
    except ConfigurationRefused as refusal:
        return found | {"problems": told(refusal.notices, verdict.wanted, **carried)}
    return found | {
        "notes": told(verdict.alerts, verdict.wanted, **carried),
        "priced": priced,
        "lines": [
            {"name": line.name, "words": in_words(line.explanation), "net_minor": line.net_minor}
            for line in priced.lines
            if line.role is not LineRole.UNCHANGED
        ],
    }
