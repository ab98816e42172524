"""Two administrators strip each other at the same moment, over two real connections: one of them stays."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection

from people.models import User
from people.services import change_user

TRIES = 20


@pytest.mark.django_db(transaction=True)
def test_the_last_administrator_stays() -> None:
    ada, alan = (User.objects.create(email=f"{name}@example.com", name=name, is_admin=True) for name in ("ada", "alan"))
    together = Barrier(2)

    def strip(user: User, by: User) -> None:
        together.wait()
        with contextlib.suppress(PermissionDenied, ValidationError):
            change_user(user=user, by=by, is_admin=False)

    def hang_up() -> None:
        """Close this thread's own connection: the test database waits for it."""
        together.wait()
        connection.close()

    with ThreadPoolExecutor(2) as threads:
        for _ in range(TRIES):
            User.objects.update(is_admin=True)
            for done in [threads.submit(strip, ada, alan), threads.submit(strip, alan, ada)]:
                done.result()
            assert User.objects.filter(is_admin=True).count() == 1
        for done in [threads.submit(hang_up) for _ in range(2)]:
            done.result()
