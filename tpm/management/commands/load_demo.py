from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from people.models import Organisation, User
from reports.letters import outbox
from reports.letters.mail import Mail
from reports.models import Subscription
from reports.plans import promises
from tpm.demo.letters import upset
from tpm.demo.portfolio import PASSWORD, PROGRAMS, SPONSOR, VIEWER
from tpm.demo.replay import Replay, email_of


class Command(BaseCommand):
    help = (
        "Fill an empty database with the demo portfolio; does nothing where the demo is loaded already. "
        "The last line says who may sign in."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if Subscription.objects.filter(user__email=email_of(VIEWER)).exists():
            self.stdout.write("The demo is loaded already.")
        else:
            self.load()
        lead = next(spec.lead for spec in PROGRAMS if spec.key == "NA4")
        people_shown = (("admin", SPONSOR), ("lead", lead), ("viewer", VIEWER))
        names = ", ".join(f"{email_of(name)} ({role})" for role, name in people_shown)
        self.stdout.write(f"sign in as {names}; password {PASSWORD}")

    def load(self) -> None:
        if User.objects.filter(email=email_of(SPONSOR)).exists():
            raise CommandError("The demo was cut off while it was loaded. Start again with ./run demo --fresh.")
        if Organisation.objects.exists():
            raise CommandError("This database holds a portfolio already. Load the demo into an empty one.")
        now = timezone.now()
        Replay(now=now, say=self.stdout.write).run()
        promises.promise(at=now)
        upset(at=now)
        letters = outbox.deliver(clock=timezone.now, way=Mail())
        self.stdout.write(f"The demo is loaded, {letters} letters sent.")
