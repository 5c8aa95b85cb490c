"""Uploaded and generated files: one model, one storage, checked on the way in, signed on the way out."""

import uuid
from pathlib import PurePosixPath
from typing import Self

from django.db import models
from django.utils import timezone

from accounts.models.companies import Account


def storage_path(stored: "StoredFile", filename: str) -> str:
    """Where the bytes lie: never under the name that somebody uploaded."""
    return str(PurePosixPath(f"{stored.account_id}") / f"{stored.public_id}{PurePosixPath(filename).suffix.lower()}")


class StoredFileQuerySet(models.QuerySet["StoredFile"]):
    def for_account(self, account: Account) -> Self:
        return self.filter(account=account)


class StoredFile(models.Model):
    """A document of one account: an attachment somebody sent, or a PDF the portal made."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="files")
    uploaded_by = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, blank=True)
    name = models.CharField(max_length=200)  # As shown and downloaded.
    content_type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField()  # Bytes.
    sha256 = models.CharField(max_length=64)
    content = models.FileField(upload_to=storage_path, max_length=200)
    created_at = models.DateTimeField(default=timezone.now)
    # Which permission of accounts.permissions a member needs to download it.
    permission = models.CharField(max_length=40)

    objects = StoredFileQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name
