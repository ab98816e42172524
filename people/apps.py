from datetime import date

from django.apps import AppConfig
from django.utils import timezone

from history.days import DayField


class PeopleConfig(AppConfig):
    name = "people"

    def ready(self) -> None:
        from people import services  # noqa: PLC0415 - it names models

        def today() -> date:
            return services.today(timezone.now())

        DayField.today = staticmethod(today)
