import sys
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from people import services
from people.models import Organisation


class Command(BaseCommand):
    help = "Add a person who administers the organisation; make the organisation where there is none yet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("name")
        parser.add_argument("--organisation", default="Our organisation", help="its name, if it has to be made")
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        password = next(iter(sys.stdin), "").rstrip("\r\n") if options["password_stdin"] else getpass("Password: ")
        try:
            user = services.create_user(
                email=options["email"], name=options["name"], password=password, by=None, is_admin=True
            )
            if not Organisation.objects.exists():
                services.set_up_organisation(name=options["organisation"], by=user)
        except ValidationError as refusal:
            raise CommandError(" ".join(refusal.messages)) from refusal
        self.stdout.write(f"{user.name} can sign in with {user.email}.")
