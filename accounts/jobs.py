"""How work is handed to the workers."""

from typing import Any

import pghistory
from celery import Task
from django.db import transaction

from tracking.actor import Actor


class AccountTask(Task[Any, Any]):
    """A job that says for which account it acts, by the argument `account_id`, or that it acts for all.

    Declare it with `@shared_task(base=AccountTask)`, or with `all_accounts=True` besides. Audit entries name the job.
    """

    abstract = True
    all_accounts = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        account_id = kwargs.get("account_id")
        if account_id is None and not self.all_accounts:
            raise TypeError(f"{self.name} must be called with account_id, or be declared with all_accounts=True")
        with pghistory.context(**Actor.system(account_id).as_metadata(), job=self.name):
            return super().__call__(*args, **kwargs)


def enqueue(task: Task[Any, Any], **kwargs: Any) -> None:
    """Wake a worker after the transaction has committed.

    The message is only a wake-up: with the broker away the change stands, and the task's sweep finds it.
    """

    def wake() -> None:  # A function: Django names the callback that failed, and a partial has no name.
        task.apply_async(kwargs=kwargs, retry=False)

    transaction.on_commit(wake, robust=True)
