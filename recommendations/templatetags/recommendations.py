"""Fragments of what is recommended: {% offer_card recommendation %}, {% content_block block %}."""

from collections.abc import Mapping
from typing import Any

from django import template
from django.template.context import Context

from accounts.models import Membership
from accounts.permissions import Permission
from recommendations.models import ContentBlock
from recommendations.services import Recommendation

register = template.Library()


@register.inclusion_tag("recommendations/_offer.html", takes_context=True)
def offer_card(context: Context, recommendation: Recommendation, *, primary: bool = False) -> Mapping[str, Any]:
    """One offer with its reason. Prices and the way to the configurator only for those who may see and use them.

    `primary` makes its button the page's primary action.
    """
    membership: Membership | None = context.get("membership")
    may_buy = membership is not None and membership.may(Permission.BUY)
    may_see_prices = membership is not None and membership.may(Permission.VIEW_PRICES)
    return {"offer": recommendation, "may_buy": may_buy, "may_see_prices": may_see_prices, "primary": primary}


@register.inclusion_tag("recommendations/_content_block.html")
def content_block(block: ContentBlock) -> Mapping[str, Any]:
    """A piece of content chosen for the account."""
    return {"block": block}
