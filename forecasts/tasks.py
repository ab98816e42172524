"""What the beat asks for every two seconds."""

from celery import shared_task
from django.utils import timezone

import people.services
from forecasts import services
from tpm import broker

# Beside reading the record and weighing the last program, an edit waits no longer than this for the next sweep.
EXPLAIN_SECONDS = 1.5


@shared_task(name="forecasts.sweep")
def sweep() -> None:
    """Bring forecasts and health up to date with the plan and the day, then explain what there is time for."""
    at = timezone.now()
    broker.beat(at)
    today = people.services.today(at)
    services.catch_up(today=today, at=at, tell=broker.note_progress)
    services.explain_some(today=today, seconds=EXPLAIN_SECONDS)
