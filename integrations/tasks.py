"""What the beat asks for every two seconds: imports that are too long to wait for."""

from celery import shared_task
from django.utils import timezone

import people.services
from integrations import services
from tpm import broker


@shared_task(name="integrations.sweep")
def sweep() -> None:
    """Carry out the import that waits longest."""
    at = timezone.now()
    services.carry_out_next(at=at, today=people.services.today(at), tell=broker.telling)
