"""Django's own command, which also knows our name for texts that wait: ``gettext_lazy as lazy``."""

from __future__ import annotations

from django.core.management.commands import makemessages


class Command(makemessages.Command):
    xgettext_options = [*makemessages.Command.xgettext_options, "--keyword=lazy"]
