"""Derived, rebuildable tables of the figures a manager sees."""

from django.db import models


class Insights(models.Model):
    """Carries the permission to see what the portal earns; it has no table."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [("view_insights", "Can see Insights")]
