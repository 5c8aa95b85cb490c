"""Confirming that it is still oneself, and carrying on with what one was doing."""

from typing import Any

from allauth.account.forms import BaseConfirmCodeForm
from allauth.account.views import BaseReauthenticateView
from allauth.core.internal.httpkit import authenticated_user
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import confirmation
from accounts.confirmation import MailedCode


class ConfirmationCodeForm(BaseConfirmCodeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = gettext_lazy("Code")
        self.fields["code"].widget.attrs.pop("placeholder", None)


class ConfirmByCodeView(BaseReauthenticateView):
    """Send a code to the person's own address, then ask for it."""

    form_class = ConfirmationCodeForm
    template_name = "account/confirm_by_code.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "send" in request.POST:
            MailedCode.begin(request, authenticated_user(request))
            return HttpResponseRedirect(request.get_full_path())
        answer: HttpResponse = super().post(request, *args, **kwargs)
        return answer

    def get_form_kwargs(self) -> dict[str, Any]:
        process = MailedCode.of(self.request, self.request.user)
        return {**super().get_form_kwargs(), "code": process.code if process else ""}

    def form_valid(self, form: ConfirmationCodeForm) -> HttpResponse:
        process = MailedCode.of(self.request, self.request.user)
        if process is None:  # It ran out while it was typed.
            return HttpResponseRedirect(self.request.get_full_path())
        process.finish()
        answer: HttpResponse = super().form_valid(form)
        return answer

    def form_invalid(self, form: ConfirmationCodeForm) -> HttpResponse:
        process = MailedCode.of(self.request, self.request.user)
        if process is None or not process.record_invalid_attempt():
            messages.error(self.request, _("That code is no longer good. Send yourself a new one."))
            return HttpResponseRedirect(self.request.get_full_path())
        answer: HttpResponse = self.render_to_response(self.get_context_data(form=form), status=422)
        return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        process = MailedCode.of(self.request, self.request.user)
        return {
            **super().get_context_data(**kwargs),
            "is_sent": process is not None,
            "recipient": self.request.user.email,
        }


confirm_by_code = require_http_methods(["GET", "HEAD", "POST"])(ConfirmByCodeView.as_view())


@require_safe
@never_cache
def carry_on(request: HttpRequest, key: str) -> HttpResponse:
    """The form that came too late, ready to be sent; a script sends it at once."""
    if not confirmation.is_fresh(request):
        return redirect(confirmation.ask_url(request, then=request.get_full_path()))
    form = confirmation.take_up(request, key)
    if form is None:
        messages.info(request, _("There is nothing to carry on with. What you had entered was not changed."))
        return redirect("home")
    return render(request, "accounts/carry_on.html", {"form": form})
