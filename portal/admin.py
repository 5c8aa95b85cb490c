"""What the portal adds to the staff's pages of lower apps, which know nothing of it."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group

from accounts.models import Account
from portal.staff.data_quality import LackingFilter

accounts = admin.site.get_model_admin(Account)
accounts.list_filter = [*accounts.list_filter, LackingFilter]  # type: ignore[misc]  # Unfold's is untyped.

# What libraries would show to superusers: secrets of sign-in, and groups that accounts.permissions rules.
for model in (Authenticator, EmailAddress, UserSession, Group):
    admin.site.unregister(model)
