"""Taking a change back from the message that told of it."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from changes import services
from history.models import ChangeSet
from people.pages import SignedIn, attempt


@require_POST
def undo(request: SignedIn) -> HttpResponse:
    asked = request.POST.get("change_set", "")
    own = ChangeSet.objects.filter(by_id=request.user.pk)
    change_set = get_object_or_404(own, pk=int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else 0)
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return attempt(
        request,
        lambda: services.undo(change_set=change_set, by=request.user, at=timezone.now()),
        "Taken back.",
        back if safe else "/",
    )
