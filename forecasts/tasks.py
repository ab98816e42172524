"""What the beat asks for every two seconds."""

from celery import shared_task
from django.utils import timezone

import people.services
from forecasts import services
from tpm import broker


@shared_task(name="forecasts.sweep")
def sweep() -> None:
    """Bring forecasts and health up to date with the plan and the day."""
    at = timezone.now()
    broker.beat(at)
    services.catch_up(today=people.services.today(at), at=at)
