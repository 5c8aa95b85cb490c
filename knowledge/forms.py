"""What readers send back."""

from django import forms


class DeflectionForm(forms.Form):
    """The case somebody was writing when an article answered it."""

    form_key = forms.UUIDField()
    subject = forms.CharField(max_length=200)

    def clean_subject(self) -> str:
        return " ".join(self.cleaned_data["subject"].split())


class VoteForm(forms.Form):
    is_helpful = forms.TypedChoiceField(choices=[("yes", "yes"), ("no", "no")], coerce=lambda value: value == "yes")
