"""Beat ticks; what is due is found in the database."""

from celery import shared_task
from django.utils import timezone

from reports import outbox

# Enough to be quick when one hour of a large zone is due, few enough for a mail server.
MOST_AT_ONCE = 4
LETTERS_EACH = 50


@shared_task(name="reports.sweep")
def sweep() -> None:
    """Plan what is due, settle what was interrupted, and start as many deliveries as there is work for."""
    at = timezone.now()
    outbox.plan(at=at)
    outbox.settle(at=at)
    for _ in range(min(MOST_AT_ONCE, -(-outbox.waiting(at=at) // LETTERS_EACH))):
        deliver.apply_async(expires=30)


@shared_task(name="reports.deliver")
def deliver() -> int:
    return outbox.deliver(clock=timezone.now)
