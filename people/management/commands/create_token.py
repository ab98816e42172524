from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from people import services
from people.models import User


class Command(BaseCommand):
    help = "Print a new access token for a person, and nothing else."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--scopes", default="read", help="read or read,write")
        parser.add_argument("--days", type=int, default=30)
        parser.add_argument("--name", default="made on the command line")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email__iexact=options["email"], is_active=True).first()
        if user is None:
            raise CommandError(f"Nobody signs in with {options['email']}.")
        today = services.today(timezone.now())
        try:
            _, secret = services.issue_token(
                user=user,
                name=options["name"],
                scopes=options["scopes"].split(","),
                expires_on=today + timedelta(days=options["days"]),
                today=today,
            )
        except ValidationError as refusal:
            raise CommandError(" ".join(refusal.messages)) from refusal
        self.stdout.write(secret)
