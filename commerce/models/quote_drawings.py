"""What the documents of quotes say, until they are drawn."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.utils import timezone

from accounts.models import Account
from commerce.models.quotes import Quote

# Above the time limit of a task: a wake-up that nobody has followed by then was lost, or its worker died.
WAKE_UP = timedelta(minutes=2)


class QuoteDrawingQuerySet(models.QuerySet["QuoteDrawing"]):
    def left_behind(self, now: datetime) -> Self:
        """Nobody works on them any more."""
        return self.filter(created_at__lt=now - WAKE_UP)


class QuoteDrawing(models.Model):
    """What a quote's PDF says, written down as the quote was presented. It goes as the PDF is drawn from it, and kept.

    Names, addresses and words may change in between: the document says what held when the quote was presented.
    """

    quote = models.OneToOneField(Quote, on_delete=models.PROTECT, primary_key=True, related_name="drawing")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    contents = models.JSONField()  # All texts and figures as the template shows them, in the company's language.
    document_date = models.DateField()  # The day it was presented, where the company is.
    created_at = models.DateTimeField(default=timezone.now)

    objects = QuoteDrawingQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="quote_drawing_waiting")]

    def __str__(self) -> str:
        return f"{self.quote}"
