"""Setting up what was bought: each line's steps one after the other, until all are done and the order is active.

People, other systems and the portal itself move steps on by the same calls. Each locks the order first, so that moving
a step and giving the order up come one after the other; telling something twice changes nothing.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.languages import documents_language
from accounts.notifications import notify
from accounts.scope import staff_scope
from commerce.contracts.people import contacts_of
from commerce.models import (
    DeltaKind,
    Order,
    OrderStatus,
    OrderStep,
    ProductStep,
    ProvisioningStep,
    QuoteLine,
    StepAction,
    StepState,
)
from commerce.orders import licences
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record

logger = logging.getLogger(__name__)

BATCH = 200  # Steps that one run of the job does.
MOST_ATTEMPTS = 5  # Of the portal by itself; then a person looks at it.
FIRST_WAIT = timedelta(minutes=5)  # Twice as long after each failure.


class StepRefused(Exception):
    """A step can't be moved on; the message says why."""


class StepOutOfTurn(StepRefused):
    """Another step comes before it."""


class StepMoved(StepRefused):
    """It is not where whoever asks takes it to be: somebody was faster, or its order was given up."""


def plan_steps(*, order: Order, lines: Sequence[QuoteLine], actor: Actor, now: datetime) -> list[ProvisioningStep]:
    """Copy the steps that the products of a paid order take. What is bought again skips those of the first time."""
    bought = [line for line in lines if line.quantity > 0]
    templates = ProductStep.objects.filter(product__in={line.product_id for line in bought})
    by_product: dict[int, list[ProductStep]] = {}
    for template in templates:
        by_product.setdefault(template.product_id, []).append(template)
    steps = [
        _copy(template, order, line, is_first=at == 0, now=now)
        for line in bought
        for at, template in enumerate(_taken_by(line, by_product.get(line.product_id, [])))
    ]
    if steps:
        with staff_scope(actor):  # Customers read their steps, and write none.
            ProvisioningStep.objects.bulk_create(steps)
    return steps


def _taken_by(line: QuoteLine, templates: Sequence[ProductStep]) -> list[ProductStep]:
    is_new = line.change in (DeltaKind.NEW, DeltaKind.SWAP_IN)
    return [template for template in templates if is_new or template.is_for_more]


def _copy(template: ProductStep, order: Order, line: QuoteLine, *, is_first: bool, now: datetime) -> ProvisioningStep:
    return ProvisioningStep(
        account_id=order.account_id,
        order=order,
        line=line,
        position=template.position,
        name=template.name,
        description=template.description,
        expected_days=template.expected_days,
        action=template.action,
        next_at=now if is_first and template.action == StepAction.LICENCE else None,
    )


def begin_step(*, step: ProvisioningStep, actor: Actor, now: datetime) -> ProvisioningStep:
    """Somebody works on it. Raises `StepOutOfTurn`, `StepMoved`."""
    with staff_scope(actor):
        step = _locked(step)
        if step.state != StepState.RUNNING:
            _begin(step, now)
    return step


def finish_step(*, step: ProvisioningStep, actor: Actor, now: datetime) -> ProvisioningStep:
    """It is done, whether or not anybody said that it began. The last one makes the order active.

    Raises `StepOutOfTurn`, `StepMoved`.
    """
    with staff_scope(actor):
        step = _locked(step)
        if step.state == StepState.DONE:
            return step
        if step.state != StepState.RUNNING:
            _begin(step, now)
        if step.action == StepAction.LICENCE:
            licences.issue(line=step.line, order=step.order, now=now)
        step.state, step.finished_at, step.reason, step.next_at = StepState.DONE, now, "", None
        step.save(update_fields=["state", "finished_at", "reason", "next_at"])
        _record(step, actor, now)
        if step.order.provisioning.open().exists():
            _hand_on(step, now)
            _tell(step)
        else:
            activate(order=step.order, lines=_lines(step.order), actor=actor, now=now)
    return step


def fail_step(*, step: ProvisioningStep, reason: str, actor: Actor, now: datetime) -> ProvisioningStep:
    """It is held up; the customer reads why, and our people who look after them are told.

    Raises `StepOutOfTurn`, `StepMoved`.
    """
    with staff_scope(actor):
        step = _locked(step)
        if step.state == StepState.FAILED and step.reason == reason:
            return step
        if step.state != StepState.RUNNING:
            _begin(step, now)
        step.state, step.reason, step.next_at = StepState.FAILED, reason.strip()[:200], _next_try(step, now)
        step.save(update_fields=["state", "reason", "next_at"])
        _record(step, actor, now)
        _tell(step)
        account = step.order.account
        notify(kind="order_step_failed", to=contacts_of(account), account=account, context=_context(step))
    return step


def retry_step(*, step: ProvisioningStep, actor: Actor, now: datetime) -> ProvisioningStep:
    """What was in the way is out of it: it may begin anew. Raises `StepMoved`."""
    with staff_scope(actor):
        step = _locked(step)
        if step.state == StepState.RETRIED:
            return step
        _retry(step, now)
        _record(step, actor, now)
    return step


def run_due(*, now: datetime) -> int:
    """Do what the portal does itself, each step by itself; what fails waits longer each time. How many were done."""
    due = ProvisioningStep.objects.due(now).order_by("next_at", "pk").select_related("order")[:BATCH]
    return sum(_run(step, now) for step in due)


def _run(step: ProvisioningStep, now: datetime) -> bool:
    actor = Actor.system(step.account_id)
    try:
        if step.state == StepState.FAILED:  # Kept also where it fails again: each attempt counts.
            step = retry_step(step=step, actor=actor, now=now)
        with transaction.atomic():
            finish_step(step=step, actor=actor, now=now)
    except StepRefused:  # Another worker, or a person, was faster.
        return False
    except Exception:  # Whatever it is must not keep the others waiting, nor be lost.
        logger.exception("step %s of order %s failed", step.public_id, step.order_id)
        with override(documents_language(step.order.account)):
            reason = _("It did not work by itself. We try again, and look at it.")
        fail_step(step=step, reason=reason, actor=actor, now=now)
        return False
    return True


def activate(*, order: Order, lines: Sequence[QuoteLine], actor: Actor, now: datetime) -> None:
    """All that was bought can be used. Runs in a transaction that has the order locked, or has just paid it."""
    order.status = OrderStatus.ACTIVE
    order.save(update_fields=["status"])
    OrderStep.objects.create(account=order.account, order=order, status=OrderStatus.ACTIVE, reached_at=now)
    if order.placed_by is not None:
        notify(
            kind="order_confirmed",
            to=[order.placed_by],
            account=order.account,
            context={"order": order, "lines": lines},
        )


def cancel_steps(*, order: Order) -> None:
    """Nobody goes on with any of them. Runs in a transaction that has the order locked."""
    for step in order.provisioning.open():
        step.state, step.next_at = StepState.CANCELLED, None
        step.save(update_fields=["state", "next_at"])


def _locked(step: ProvisioningStep) -> ProvisioningStep:
    """The step as it is now, and nobody else's to move."""
    orders = Order.objects.select_for_update(no_key=True, of=("self",))
    order = orders.select_related("account__owner", "account__sales_contact", "placed_by").get(pk=step.order_id)
    step = ProvisioningStep.objects.select_related("line__product").get(pk=step.pk)
    step.order = order
    return step


def _begin(step: ProvisioningStep, now: datetime) -> None:
    if step.state == StepState.FAILED:
        _retry(step, now)
    if step.state not in (StepState.WAITING, StepState.RETRIED):
        raise _moved(step)
    before = ProvisioningStep.objects.filter(order=step.order, line=step.line, position__lt=step.position)
    if first := before.open().order_by("position").first():
        raise StepOutOfTurn(_("“%(step)s” comes before it.") % {"step": first.name})
    step.state, step.started_at, step.attempts = StepState.RUNNING, now, step.attempts + 1
    step.save(update_fields=["state", "started_at", "attempts"])


def _retry(step: ProvisioningStep, now: datetime) -> None:
    if step.state != StepState.FAILED:
        raise _moved(step)
    step.state = StepState.RETRIED
    step.next_at = now if step.action == StepAction.LICENCE else None
    step.save(update_fields=["state", "next_at"])


def _moved(step: ProvisioningStep) -> StepMoved:
    state = step.state_choice.label
    return StepMoved(_("“%(step)s” is not open for that: %(state)s.") % {"step": step.name, "state": state})


def _next_try(step: ProvisioningStep, now: datetime) -> datetime | None:
    """When the portal tries a step of its own again; None once a person has to."""
    if step.action != StepAction.LICENCE or step.attempts >= MOST_ATTEMPTS:
        return None
    return now + FIRST_WAIT * (1 << (step.attempts - 1))


def _hand_on(step: ProvisioningStep, now: datetime) -> None:
    """It is the turn of the line's next step; the portal does its own within a minute."""
    following = ProvisioningStep.objects.filter(order=step.order, line=step.line, position__gt=step.position)
    after = following.order_by("position").first()
    if after is not None and after.action == StepAction.LICENCE:
        after.next_at = now
        after.save(update_fields=["next_at"])


def _lines(order: Order) -> list[QuoteLine]:
    return (
        [] if order.quote_id is None else list(QuoteLine.objects.filter(quote=order.quote_id).select_related("product"))
    )


def _record(step: ProvisioningStep, actor: Actor, now: datetime) -> None:
    record(
        name=EventName.ORDER_STEP_MOVED,
        actor=actor,
        now=now,
        object_type="order",
        object_id=str(step.order.public_id),
        properties={"number": step.order.number, "step": step.name, "state": step.state},
    )


def _tell(step: ProvisioningStep) -> None:
    order = step.order
    if order.placed_by is not None:
        notify(kind="order_progress", to=[order.placed_by], account=order.account, context=_context(step))


def _context(step: ProvisioningStep) -> dict[str, object]:
    return {"order": step.order, "step": step, "product": step.line.product}
