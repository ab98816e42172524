from django.apps import AppConfig
from django.utils import timezone

from history.days import DayField


class PeopleConfig(AppConfig):
    name = "people"

    def ready(self) -> None:
        from people import services  # noqa: PLC0415 - it names models

        DayField.today = staticmethod(lambda: services.today(timezone.now()))
