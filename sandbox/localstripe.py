"""localstripe, the stand-in for Stripe: a process of its own, on loopback, forgetting everything when it stops."""

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

from sandbox import web
from sandbox.processes import LOOPBACK, Child, PartFailed, free_port, wait_until

SECRET_KEY = "sk_test_sandbox"  # Any key of this form opens localstripe.
PUBLISHABLE_KEY = "pk_test_sandbox"
WEBHOOK_EVENTS = ("payment_intent.succeeded", "payment_intent.payment_failed")
LAUNCHER = Path(__file__).with_name("localstripe_launcher.py")


class LocalStripe:
    def __init__(self, *, port: int | None = None, log: Path) -> None:
        self.port = port or free_port()
        self.log = log
        self._child: Child | None = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def js_url(self) -> str:
        """Its own Stripe.js. The script calls the server it was loaded from."""
        return f"{self.url}/js.stripe.com/v3/"

    @property
    def child(self) -> Child:
        assert self._child is not None, "not started"
        return self._child

    def start(self) -> Self:
        """Start with an empty store, and wait until it answers. Raises PartFailed when it does not."""
        self._child = Child(
            "localstripe",
            # Away from the checkout, whose folders must not stand before installed packages.
            [sys.executable, LAUNCHER, "--port", str(self.port), "--from-scratch"],
            log=self.log,
            env={**os.environ, "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"},
            cwd=Path("/"),
        )
        headers = {"Authorization": f"Bearer {SECRET_KEY}"}
        try:
            wait_until(lambda: web.answers(f"{self.url}/v1/customers", headers=headers), child=self._child, seconds=30)
        except PartFailed:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        if self._child:
            self._child.stop()
            self._child = None

    def register_webhook(self, url: str, *, secret: str) -> None:
        """Have the events the portal listens to sent to `url`, signed with `secret`. Lost when localstripe stops."""
        form = [("url", url), ("secret", secret), *(("events[]", event) for event in WEBHOOK_EVENTS)]
        answer = web.request(f"{self.url}/_config/webhooks/portal", method="POST", data=urlencode(form).encode())
        if answer.status != 200:
            raise PartFailed("localstripe", f"refused the webhook: {answer.body.decode(errors='replace')}", self.log)

    def flush(self) -> None:
        """Forget all objects; the webhook stays registered."""
        web.request(f"{self.url}/_config/data", method="DELETE")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
