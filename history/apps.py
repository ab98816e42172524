from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class HistoryConfig(AppConfig):
    name = "history"

    def ready(self) -> None:
        from history import past  # noqa: PLC0415 - it names models

        # Views follow their tables: a migration may change what they read.
        pre_migrate.connect(past.drop_views, sender=self)
        post_migrate.connect(past.create_views, sender=self)
