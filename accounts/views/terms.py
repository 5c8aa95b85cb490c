"""The terms of service: for everybody to read, and for members to accept."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_safe

from accounts.http import AccountRequest, client_ip, requires
from accounts.law import terms as law
from accounts.law.gate import SESSION_TERMS
from accounts.permissions import Permission
from accounts.viewing import in_person


@require_safe
@login_not_required
def terms(request: HttpRequest) -> HttpResponse:
    """What is in force, for everybody."""
    current = law.current(timezone.now())
    text = law.text_for(current) if current else None
    return render(request, "accounts/terms.html", {"terms": current, "text": text})


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.VIEW_HOME)
@in_person
def accept_terms(request: AccountRequest) -> HttpResponse:
    """Read and accept what is in force; then on to where one was going."""
    now = timezone.now()
    current = law.current(now)
    if current is None:
        raise Http404
    target = request.POST.get("next") or request.GET.get("next") or "/"
    if not url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        target = "/"
    text = law.text_for(current)
    # The words that were shown, not others that came into force meanwhile.
    was_shown = request.POST.get("text_hash") == law.hash_of(text)
    if request.method == "POST" and was_shown and request.POST.get("accepted"):
        law.accept(
            terms=current,
            text=text,
            membership=request.membership,
            actor=request.actor,
            ip=client_ip(request),
            now=now,
        )
        request.session[SESSION_TERMS] = current.pk
        return HttpResponseRedirect(target)
    context = {"terms": current, "text": text, "text_hash": law.hash_of(text), "next": target}
    context["is_unchecked"] = request.method == "POST"
    return render(request, "accounts/accept_terms.html", context, status=422 if request.method == "POST" else 200)
