"""Beat ticks; what is due is found in the database."""

from celery import shared_task
from django.utils import timezone

from reports.letters import daily, outbox
from reports.letters.mail import Mail, Shelf
from reports.models import Plan
from reports.plans import enrolment, promises
from reports.plans import services as plans

# Enough to be quick when one hour of a large zone is due, few enough for a mail server.
MOST_AT_ONCE = 4
LETTERS_EACH = 50


@shared_task(name="reports.sweep")
def sweep() -> None:
    """Promise what is due, settle what was interrupted, and start as many deliveries as there is work for."""
    at = timezone.now()
    plans.default_plan(at)
    enrolment.adopt(at=at)
    enrolment.enrol(at=at)
    promises.promise(at=at)
    daily.promise(at=at)
    promises.settle(at=at)
    waiting = outbox.claimable(at, Plan.Channel.EMAIL).count()
    for _ in range(min(MOST_AT_ONCE, -(-waiting // LETTERS_EACH))):
        deliver.apply_async(expires=30)
    outbox.deliver(clock=timezone.now, way=Shelf())


@shared_task(name="reports.deliver")
def deliver() -> int:
    return outbox.deliver(clock=timezone.now, way=Mail())
