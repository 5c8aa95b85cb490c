"""What the rules of the catalogue and of prices can ask, in the words of the staff."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

# By name; those that end in a colon take a product.
FACT_WORDS: dict[str, str | Promise] = {
    "plan": gettext_lazy("plan, by its code"),
    "seats": gettext_lazy("seats"),
    "used_seats": gettext_lazy("seats in use"),
    "term_months": gettext_lazy("term in months"),
    "tier": gettext_lazy("tier of the customer"),
    "industry": gettext_lazy("industry of the customer"),
    "lifecycle_stage": gettext_lazy("lifecycle stage of the customer"),
    "country": gettext_lazy("country of the customer"),
    "currency": gettext_lazy("currency"),
    "product": gettext_lazy("product of the line, by its code"),
    "kind": gettext_lazy("kind of the product: plan, addon or service"),
    "quantity": gettext_lazy("quantity of the line"),
    "products": gettext_lazy("products of the quote"),
    "quantity:": gettext_lazy("quantity of %(code)s"),
    "owned:": gettext_lazy("owned of %(code)s"),
}
