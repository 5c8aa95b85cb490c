"""A brand's colours and logos, for everybody: each state of them at an address of its own."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_safe

from accounts import brands
from accounts.models import Brand

FOREVER = "public, max-age=31536000, immutable"


def _brand(token: str) -> Brand:
    """The brand as it is today, also of an address from before."""
    public_id = token.rpartition("-")[0]
    if len(public_id) != 32 or not set(public_id) <= set("0123456789abcdef"):
        raise Http404
    return get_object_or_404(Brand, public_id=public_id)


@login_not_required
@require_safe
def stylesheet(request: HttpRequest, token: str) -> HttpResponse:
    """The colours."""
    brand = _brand(token)
    if token != brand.token:
        raise Http404  # What is kept for ever under this address was something else.
    return HttpResponse(
        brands.stylesheet(brand), content_type="text/css; charset=utf-8", headers={"Cache-Control": FOREVER}
    )


@login_not_required
@require_safe
def logo(request: HttpRequest, token: str, theme: str) -> HttpResponse:
    """The logo for light or for dark pages. Whatever a browser takes it for, it runs nothing in it.

    Mails are read late: the address in an old one leads to the logo of today.
    """
    brand = _brand(token)
    if token != brand.token:
        return redirect(f"accounts:brand-logo-{theme}", brand.token)
    content = bytes(brand.logo_light if theme == "light" else brand.logo_dark)
    if not content:
        raise Http404
    headers = {"Cache-Control": FOREVER, "Content-Security-Policy": "default-src 'none'; sandbox"}
    return HttpResponse(content, content_type="image/png", headers=headers)
