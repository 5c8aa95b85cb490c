"""What customers and agents write in cases."""

import uuid
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.services import FILE_KINDS, FileRefused, check_upload
from cases.models import Priority
from cases.services import LONGEST_MESSAGE, LONGEST_SUBJECT, MOST_FILES
from knowledge.models import Topic


class MultipleFileInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class AttachmentsField(forms.FileField):
    """Several files, each checked; the message names every one that we don't take."""

    def __init__(self) -> None:
        widget = MultipleFileInput(attrs={"accept": ",".join(FILE_KINDS)})
        super().__init__(
            label=_("Attachments"),
            help_text=_("Up to %(most)d files of 10 MB: pictures, PDF, Word, Excel, text, ZIP.") % {"most": MOST_FILES},
            required=False,
            widget=widget,
        )

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[bytes]]:
        uploads: list[UploadedFile[bytes]] = [upload for upload in data or [] if upload]
        errors = []
        if len(uploads) > MOST_FILES:
            errors.append(
                ngettext("Attach at most %(most)d file.", "Attach at most %(most)d files.", MOST_FILES)
                % {"most": MOST_FILES}
            )
        for upload in uploads[:MOST_FILES]:
            try:
                check_upload(upload)
            except FileRefused as refused:
                errors.append(str(refused))
        if errors:
            raise ValidationError([ValidationError(error) for error in errors])
        return uploads


def _message_field(label: Any, rows: int, help_text: Any = "") -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, max_length=LONGEST_MESSAGE, widget=widget, help_text=help_text)


class FormKeyField(forms.UUIDField):
    """Names one filled-in form, so that sending it twice has one effect. Hidden: one that is missing is made up."""

    def __init__(self) -> None:
        super().__init__(widget=forms.HiddenInput, initial=uuid.uuid4, required=False)

    def clean(self, value: Any) -> uuid.UUID:
        try:
            return super().clean(value) or uuid.uuid4()
        except ValidationError:
            return uuid.uuid4()


class NewCaseForm(forms.Form):
    subject = forms.CharField(
        label=_("Subject"),
        max_length=LONGEST_SUBJECT,
        help_text=_("In a few words. Guides that may help appear while you type."),
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "hx-get": reverse_lazy("knowledge:suggestions"),
                "hx-trigger": "input changed delay:300ms",
                "hx-target": "#suggestions",
                "hx-include": "[name=topic]",
                "hx-sync": "this:replace",
            }
        ),
    )
    topic = forms.ChoiceField(label=_("Topic"), choices=[("", _("Not sure")), *Topic.choices], required=False)
    priority = forms.ChoiceField(label=_("Priority"), choices=Priority, initial=Priority.NORMAL)
    description = _message_field(
        _("What happened?"), 8, _("What you did, what you expected, what you saw instead. Never send passwords.")
    )
    attachments = AttachmentsField()
    form_key = FormKeyField()

    def clean_subject(self) -> str:
        return " ".join(self.cleaned_data["subject"].split())


class ReplyForm(forms.Form):
    body = _message_field(_("Your reply"), 5)
    attachments = AttachmentsField()
    form_key = FormKeyField()


class ParticipantForm(forms.Form):
    """Whom to add to a case."""

    email = forms.EmailField(
        label=_("E-mail of a colleague"),
        max_length=254,
        help_text=_("They see this case, and hear of each answer."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )


class StaffReplyForm(forms.Form):
    """An agent's answer or note, written below the case in the admin."""

    KINDS = [("answer", _("Send the answer")), ("resolve", _("Send and resolve")), ("note", _("Save as a note"))]

    body = forms.CharField(
        label=_("Answer or note"), max_length=LONGEST_MESSAGE, widget=UnfoldAdminTextareaWidget(attrs={"rows": 6})
    )
    attachments = AttachmentsField()
    form_key = FormKeyField()
    kind = forms.ChoiceField(choices=KINDS, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("kind") == "note" and data.get("attachments"):
            self.add_error("attachments", _("Files go to the customer. Send them with an answer, or leave them out."))
        return data
