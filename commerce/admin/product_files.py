"""Pictures and papers of a product, on its page."""

from typing import Any
from uuid import UUID

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe
from unfold.admin import StackedInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget

from accounts.http import StaffRequest, requires_staff
from accounts.services import FileRefused
from commerce.catalogue.product_files import Taken, file_response, taken
from commerce.models import FileKind, ProductFile


class ProductFileForm(forms.ModelForm[ProductFile]):
    """What is uploaded is looked at before it is kept; another file in its place has an address of its own."""

    upload = forms.FileField(
        label=gettext_lazy("File"),
        required=False,
        widget=UnfoldAdminFileFieldWidget,
        help_text=gettext_lazy(
            "A picture as PNG, JPEG or WebP, at most 1 MB; a document as PDF, DOCX or XLSX; a download also as ZIP."
        ),
    )

    class Meta:
        model = ProductFile
        fields = ["kind", "title", "position"]
        help_texts = {"title": gettext_lazy("Of a picture: what it shows, for those who don't see it.")}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        upload: UploadedFile[bytes] | None = cleaned.get("upload")
        kind = cleaned.get("kind")
        if upload and kind:
            try:
                cleaned["taken"] = taken(upload, FileKind(kind))
            except FileRefused as refused:
                self.add_error("upload", str(refused))
        elif not upload and (self.instance.pk is None or "kind" in self.changed_data):
            self.add_error("upload", _("Choose a file."))
        return cleaned

    def save(self, commit: bool = True) -> ProductFile:
        new: Taken | None = self.cleaned_data.get("taken")
        if new is not None:
            self.instance.keep(new.content, content_type=new.content_type, suffix=new.suffix)
        return super().save(commit)


class ProductFileInline(StackedInline):
    model = ProductFile
    form = ProductFileForm
    fields = ["kind", "title", "upload", "position", "shown"]
    readonly_fields = ["shown"]
    extra = 0
    verbose_name_plural = gettext_lazy("pictures and documents")

    @display(description=gettext_lazy("kept"))
    def shown(self, file: ProductFile) -> str:
        """The picture itself, or a link to the document."""
        if file._state.adding:
            return "–"
        url = reverse("admin:commerce_product_file", args=[file.public_id])
        if not file.is_picture:
            return format_html(
                '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>', url, file.file_name
            )
        return format_html('<img src="{}" alt="{}" width="96">', url, file.title)


@require_safe
@requires_staff("commerce.view_product")
def staff_file(request: StaffRequest, public_id: UUID) -> HttpResponseBase:
    """A file of any product, on sale or not, for the vendor's people."""
    return file_response(get_object_or_404(ProductFile, public_id=public_id))
