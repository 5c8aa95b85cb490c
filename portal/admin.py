"""What the portal adds to the staff's pages of lower apps, which know nothing of it."""

from django.contrib import admin

from accounts.models import Account
from portal.staff.data_quality import LackingFilter

accounts = admin.site.get_model_admin(Account)
accounts.list_filter = [*accounts.list_filter, LackingFilter]  # type: ignore[misc]  # Unfold's is untyped.
