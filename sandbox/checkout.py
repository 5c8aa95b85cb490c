"""Stands in for Stripe Checkout in front of localstripe, which knows no Checkout Sessions.

It speaks the few endpoints of https://docs.stripe.com/api/checkout/sessions that the portal uses, in the shape that
they are published in, and refuses what it does not know; everything else goes on to localstripe. Its page takes the
number of a card and makes the payment there. That proves our client and our page, not Stripe.
"""

import argparse
import html
import json
import re
import secrets
import threading
import time
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, urlsplit

from sandbox import web
from sandbox.localstripe import SECRET_KEY
from sandbox.proxy import HOP_HEADERS
from sandbox.stripe_js import ASKS_THE_BANK, DECLINED_LATER, GOOD

API_VERSION = "2026-03-25.dahlia"
LIFETIME_SECONDS = 24 * 3600
SESSIONS = "/v1/checkout/sessions"
PAGE = "/c/pay/"
KNOWN = re.compile(
    r"mode|customer|submit_type|success_url|cancel_url|adaptive_pricing\[enabled\]"
    r"|(payment_intent_data\[)?metadata\]?\[\w+\]"
    r"|line_items\[0\]\[(quantity|price_data\]\[(currency|unit_amount|product_data\]\[name))\]"
)
Json = dict[str, Any]


class Refused(Exception):
    """What Stripe would answer with an error; the message says why."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Checkout:
    """The stand-in as a thread of this process. Use `python -m sandbox.checkout` for one of its own."""

    def __init__(self, upstream: str, *, port: int = 0) -> None:
        self.upstream = upstream.rstrip("/")
        self.sessions: dict[str, Json] = {}
        self.events: list[Json] = []
        self._requests: dict[str, dict[str, str]] = {}
        self._under_way: set[str] = set()  # Payments that a bank takes its time for: Stripe calls them processing.
        self._lock = threading.RLock()
        stand_in = self

        class CheckoutHandler(_Handler):
            pass

        CheckoutHandler.checkout = stand_in
        self._server = web.Server(port, CheckoutHandler)
        self.url = self._server.url

    def __enter__(self) -> Self:
        self._server.start_in_thread()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    def serve_forever(self) -> None:
        self._server.serve_forever()

    # What the portal asks

    def create(self, sent: dict[str, str]) -> Json:
        if strangers := [name for name in sent if not KNOWN.fullmatch(name)]:
            raise Refused(f"Received unknown parameter: {strangers[0]}")
        if sent.get("mode") != "payment" or not sent.get("success_url"):
            raise Refused("Missing required param: success_url, or a mode that is not stood in for.")
        amount = int(sent["line_items[0][price_data][unit_amount]"]) * int(sent["line_items[0][quantity]"])
        session_id = f"cs_test_{secrets.token_hex(24)}"
        session = {
            "id": session_id,
            "object": "checkout.session",
            "mode": "payment",
            "status": "open",
            "payment_status": "unpaid",
            "payment_intent": None,
            "amount_total": amount,
            "currency": sent["line_items[0][price_data][currency]"],
            "customer": sent.get("customer"),
            "created": int(time.time()),
            "expires_at": int(time.time()) + LIFETIME_SECONDS,
            "livemode": False,
            "metadata": _under("metadata", sent),
            "success_url": sent["success_url"],
            "cancel_url": sent.get("cancel_url"),
            "url": f"{self.url}{PAGE}{session_id}",
        }
        with self._lock:
            self.sessions[session_id] = session
            self._requests[session_id] = sent
        return session

    def find(self, session_id: str) -> Json:
        try:
            return self.sessions[session_id]
        except KeyError:
            raise Refused(f"No such checkout.session: {session_id}", 404) from None

    def expire(self, session_id: str) -> Json:
        with self._lock:
            session = self.find(session_id)
            if session["status"] != "open":
                raise Refused('Only Checkout Sessions with a status in ["open"] can be expired.')
            self._close(session, "expired", "checkout.session.expired")
        return session

    # What the customer does on the page

    def pay(self, session_id: str, number: str = GOOD) -> str:
        """Pay by card: "complete", the bank's question as "requires_action", or why not. The page stays open then."""
        with self._lock:
            session = self.find(session_id)
            if session["status"] != "open":
                raise Refused("This page has expired.")
            intent = self._charge(session, number)
            if "error" in intent:
                return str(intent["error"].get("message") or intent["error"]["code"])
            session["payment_intent"] = intent["id"]
            if intent["status"] == "succeeded":
                self._complete(session, "paid")
            return "complete" if intent["status"] == "succeeded" else str(intent["status"])

    def answer_bank(self, session_id: str, *, success: bool = True) -> str:
        """Tell the bank yes or no. As `pay`."""
        with self._lock:
            session = self.find(session_id)
            path = f"/v1/payment_intents/{session['payment_intent']}"
            secret = {"client_secret": self._ask("GET", path)["client_secret"]}
            self._ask("POST", f"{path}/_authenticate?success={str(success).lower()}", secret)
            if self._ask("GET", path)["status"] != "succeeded":
                return "Your bank did not confirm it."
            self._complete(session, "paid")
            return "complete"

    def pay_by_debit(self, session_id: str) -> None:
        """Pay in a way whose outcome comes days later: `end_debit` brings it."""
        with self._lock:
            session = self.find(session_id)
            intent = self._charge(session, GOOD, confirm=False)
            self._under_way.add(intent["id"])
            session["payment_intent"] = intent["id"]
            self._complete(session, "unpaid")

    def end_debit(self, session_id: str, *, success: bool) -> None:
        with self._lock:
            session = self.find(session_id)
            path = f"/v1/payment_intents/{session['payment_intent']}"
            self._ask("POST", f"{path}/{'confirm' if success else 'cancel'}")
            self._under_way.discard(session["payment_intent"])
            session["payment_status"] = "paid" if success else "unpaid"
            self._note(session, f"checkout.session.async_payment_{'succeeded' if success else 'failed'}")

    def passed_on(self, method: str, path: str, answer: web.Answer) -> web.Answer:
        """What localstripe says, with what it has no word for."""
        if method == "GET" and path.rpartition("/")[2] in self._under_way:
            body = json.loads(answer.body) | {"status": "processing"}
            return answer._replace(body=json.dumps(body).encode())
        return answer

    def listed(self, event_type: str) -> Json:
        found = [event for event in reversed(self.events) if event["type"] == event_type]
        return {"object": "list", "url": "/v1/events", "has_more": False, "data": found}

    def _charge(self, session: Json, number: str, *, confirm: bool = True) -> Json:
        card = {"number": number, "exp_month": "12", "exp_year": "2090", "cvc": "123"}
        method = self._ask("POST", "/v1/payment_methods", {"type": "card", "card": card})
        if "error" in method:
            return method
        metadata = _under("payment_intent_data[metadata]", self._requests[session["id"]])
        request: Json = {
            "amount": session["amount_total"], "currency": session["currency"], "customer": session["customer"],
            "payment_method": method["id"], "payment_method_types": ["card"], "metadata": metadata,
        }  # fmt: skip
        attached = self._ask("POST", f"/v1/payment_methods/{method['id']}/attach", {"customer": session["customer"]})
        return (
            attached
            if "error" in attached
            else self._ask("POST", "/v1/payment_intents", request | ({"confirm": True} if confirm else {}))
        )

    def _complete(self, session: Json, payment_status: str) -> None:
        session["payment_status"] = payment_status
        self._close(session, "complete", "checkout.session.completed")

    def _close(self, session: Json, status: str, event_type: str) -> None:
        session |= {"status": status, "url": None}
        self._note(session, event_type)

    def _note(self, session: Json, event_type: str) -> None:
        self.events.append(
            {
                "id": f"evt_{secrets.token_hex(12)}", "object": "event", "type": event_type,
                "created": int(time.time()), "livemode": False, "api_version": API_VERSION,
                "data": {"object": dict(session)},
            }
        )  # fmt: skip

    def _ask(self, method: str, path: str, values: Json | None = None) -> Json:
        headers = {"Authorization": f"Bearer {SECRET_KEY}", "Content-Type": "application/json"}
        data = json.dumps(values or {}).encode() if method == "POST" else None
        answer: Json = json.loads(web.request(self.upstream + path, method=method, data=data, headers=headers).body)
        return answer


def _under(name: str, sent: dict[str, str]) -> dict[str, str]:
    """metadata[a]=1 as {"a": "1"}."""
    start = f"{name}["
    return {key[len(start) : -1]: value for key, value in sent.items() if key.startswith(start)}


class _Handler(web.Handler):
    checkout: Checkout

    def handle_any(self) -> None:
        body, path = self.read_body(), urlsplit(self.path)
        try:
            if path.path.startswith(SESSIONS):
                self.reply_json(self._session(path.path, body))
            elif path.path.startswith(PAGE):
                self._page(path.path.removeprefix(PAGE), body)
            elif path.path == "/v1/events" and "checkout.session." in path.query:
                self.reply_json(self.checkout.listed(parse_qs(path.query)["type"][0]))
            else:
                self._pass_on(body)
        except Refused as refused:
            error = {"type": "invalid_request_error", "message": str(refused)}
            self.reply_json({"error": error}, status=refused.status)

    do_GET = do_POST = do_DELETE = do_OPTIONS = handle_any  # noqa: N815

    def _session(self, path: str, body: bytes) -> Json:
        match self.command, path.removeprefix(SESSIONS).strip("/").split("/"):
            case "POST", [""]:
                return self.checkout.create(dict(parse_qsl(body.decode(), keep_blank_values=True)))
            case "GET", [session_id] if session_id:
                return self.checkout.find(session_id)
            case "POST", [session_id, "expire"]:
                return self.checkout.expire(session_id)
        raise Refused("Unrecognized request URL", 404)

    def _page(self, session_id: str, body: bytes) -> None:
        sent = dict(parse_qsl(body.decode()))
        said = ""
        if "number" in sent:
            said = self.checkout.pay(session_id, sent["number"].replace(" ", ""))
        elif "answer" in sent:
            said = self.checkout.answer_bank(session_id, success=sent["answer"] == "yes")
        session = self.checkout.find(session_id)
        if said == "complete":
            self.reply(303, b"", content_type="text/plain", headers={"Location": session["success_url"]})
        else:
            page = _html(session, said).encode()
            self.reply(HTTPStatus.OK, page, content_type="text/html; charset=utf-8")

    def _pass_on(self, body: bytes) -> None:
        answer = web.request(
            self.checkout.upstream + self.path,
            method=self.command,
            data=body or None,
            headers={name: value for name, value in self.headers.items() if name.lower() not in HOP_HEADERS},
            timeout=30,
        )
        answer = self.checkout.passed_on(self.command, urlsplit(self.path).path, answer)
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_HEADERS}
        content_type = kept.pop("Content-Type", "application/json")
        self.reply(answer.status, answer.body, content_type=content_type, headers=kept)


def _html(session: Json, said: str) -> str:
    amount = f"{session['amount_total'] / 100:.2f} {session['currency'].upper()}"
    if session["status"] != "open":
        form = "<p>This page has expired.</p>"
    elif said == "requires_action":
        form = '<p>Your bank asks: is it you?</p><button name="answer" value="yes">Yes</button> '
        form += '<button name="answer" value="no">No</button>'
    else:
        numbers = ", ".join((GOOD, f"{DECLINED_LATER} (declined)", f"{ASKS_THE_BANK} (the bank asks)"))
        form = f'<p role="alert">{html.escape(said)}</p><label>Card number <input name="number" value="{GOOD}"></label>'
        form += f"<p>{numbers}</p><button>Pay {amount}</button>"
    back = html.escape(session["cancel_url"] or "")
    return (
        '<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Stand-in for Stripe'
        f'</title><h1>Stand-in for Stripe</h1><form method="post">{form}</form><p><a href="{back}">Back</a></p>'
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog=f"python -m sandbox.{Path(__file__).stem}", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True, help="the address of localstripe")
    options = parser.parse_args()
    Checkout(options.upstream, port=options.port).serve_forever()


if __name__ == "__main__":
    main()
