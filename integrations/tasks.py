"""What beat asks for: imports that are too long to wait for, and letters that leave by webhook."""

from celery import shared_task
from django.utils import timezone

import people.services
from integrations import services
from integrations.webhooks.sending import Hook
from reports.letters import outbox
from tpm import broker


@shared_task(name="integrations.sweep")
def sweep() -> None:
    """Carry out the import that waits longest."""
    at = timezone.now()
    services.carry_out_next(at=at, today=people.services.today(at), tell=broker.telling)


@shared_task(name="integrations.deliver")
def deliver() -> int:
    """Send the letters that leave by webhook. reports cannot: it knows no app above it (docs/adr/0017)."""
    return outbox.deliver(clock=timezone.now, way=Hook())
