"""`{% csrf_token %}` with the company the form was shown for.

A person of two companies may have both open in two tabs, while the session knows only the one chosen last. Every form
says which it was shown for, and `accounts.http.requires` refuses one that belongs to the other.
"""

from django import template
from django.template.base import Parser, Token
from django.template.context import Context
from django.template.defaulttags import CsrfTokenNode
from django.utils.html import format_html

register = template.Library()


class CompanyFormNode(CsrfTokenNode):
    """Django's token, and the company's public id where a company is shown."""

    def render(self, context: Context) -> str:
        token = super().render(context)
        account = context.get("current_account")
        if not account:
            return token
        return format_html('{}<input type="hidden" name="company" value="{}">', token, account.public_id)


@register.tag("csrf_token")
def csrf_token(parser: Parser, token: Token) -> CompanyFormNode:
    return CompanyFormNode()
