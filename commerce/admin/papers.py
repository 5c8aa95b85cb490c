"""Papers that our people put into a contract for its customer, and who has downloaded them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminFileFieldWidget

from accounts.admin import Undeletable
from accounts.services import FileRefused, check_upload
from commerce.admin.bases import staff_of
from commerce.contracts.papers import SUFFIXES, add_paper, downloads_of
from commerce.models import ContractPaper, PaperKind

DOWNLOADS_SHOWN = 50


class PaperForm(forms.ModelForm[ContractPaper]):
    """A new paper, with the file."""

    upload = forms.FileField(
        label=gettext_lazy("File"),
        widget=UnfoldAdminFileFieldWidget,
        help_text=gettext_lazy("A PDF, DOCX or XLSX file."),
    )

    class Meta:
        model = ContractPaper
        fields = ["contract", "kind", "title"]
        help_texts = {"kind": gettext_lazy("Contracts, order forms and amendments are for those who may see prices.")}

    def clean_upload(self) -> Any:
        upload = self.cleaned_data["upload"]
        try:
            check_upload(upload, suffixes=SUFFIXES)
        except FileRefused as refused:
            raise forms.ValidationError(str(refused)) from refused
        return upload

    def save(self, commit: bool = True) -> ContractPaper:
        """Kept by `save_model`, which knows who adds it."""
        return self.instance

    def save_m2m(self) -> None:
        """There is nothing of the kind."""


@admin.register(ContractPaper)
class ContractPaperAdmin(Undeletable, ModelAdmin):
    list_display = ["title", "contract", "account", "kind", "created_at", "added_by", "is_offered"]
    list_filter = ["kind", "created_at"]
    list_select_related = ["contract", "account", "added_by"]
    search_fields = ["title", "account__name"]
    autocomplete_fields = ["contract"]
    actions = ["withdraw"]

    def get_form(self, request: HttpRequest, obj: ContractPaper | None = None, **kwargs: Any) -> Any:
        return super().get_form(request, obj, **({"form": PaperForm} if obj is None else {}), **kwargs)

    def get_fields(self, request: HttpRequest, obj: ContractPaper | None = None) -> list[str]:
        if obj is None:
            return ["contract", "kind", "title", "upload"]
        return ["contract", "account", "kind", "title", "file", "added_by", "created_at", "withdrawn_at", "downloads"]

    def get_readonly_fields(self, request: HttpRequest, obj: ContractPaper | None = None) -> list[str]:
        return [] if obj is None else self.get_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: ContractPaper, form: Any, change: bool) -> None:
        if change:  # A paper stands as it was put there.
            return
        added = add_paper(
            contract=obj.contract,
            kind=PaperKind(obj.kind),
            title=obj.title,
            upload=form.cleaned_data["upload"],
            staff=staff_of(request),
            now=timezone.now(),
        )
        obj.__dict__.update(added.__dict__)

    @action(description=gettext_lazy("Take back from the customer"), permissions=["change"])
    def withdraw(self, request: HttpRequest, papers: QuerySet[ContractPaper]) -> None:
        now = timezone.now()
        offered = list(papers.filter(withdrawn_at__isnull=True))
        for paper in offered:
            paper.withdraw(now)
        done = ngettext("%(count)d paper is taken back.", "%(count)d papers are taken back.", len(offered))
        messages.success(request, done % {"count": len(offered)})

    @display(description=gettext_lazy("offered"), boolean=True)
    def is_offered(self, paper: ContractPaper) -> bool:
        return paper.withdrawn_at is None

    @display(description=gettext_lazy("downloads"))
    def downloads(self, paper: ContractPaper) -> str:
        key = str(paper.public_id)
        found = downloads_of(paper.account_id, [key]).get(key, [])[:DOWNLOADS_SHOWN]
        if not found:
            return _("Nobody has downloaded it yet.")
        rows = ((one.who, date_format(one.at, "DATETIME_FORMAT")) for one in found)
        return format_html_join("", "<div>{} · {}</div>", rows)
