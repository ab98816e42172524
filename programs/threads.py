"""What was said about a subject, as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Prefetch

from people.models import User
from programs.models import Notice, Program, Subject, Watch
from programs.models.comment import CommentQuerySet
from programs.permissions import Act

MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Thread:
    """The newest comments on a subject, newest first; ``place`` is where all of them are, and where one is sent."""

    comments: Page[Any]
    place: str
    may_comment: bool

    @property
    def count(self) -> int:
        return self.comments.paginator.count

    @property
    def earlier(self) -> int:
        return self.count - len(self.comments)


def thread_of(program: Program, kind: str, subject_id: int, url: str, allowed: frozenset[Act]) -> Thread:
    """Three queries."""
    rows = with_names(program.comments.about(kind, subject_id))
    return Thread(Paginator(rows, MOST_SHOWN).get_page(1), f"{url}/comments", Act.COMMENT in allowed)


def with_names(comments: CommentQuerySet) -> CommentQuerySet:
    """Comments, newest first, with their authors and, as ``naming``, whom they name."""
    naming = Notice.objects.filter(reason=Notice.Reason.MENTION).select_related("user").order_by("pk")
    return (
        comments.select_related("by")
        .prefetch_related(Prefetch("notices", queryset=naming, to_attr="naming"))
        .order_by("-at", "-id")
    )


def is_watched(viewer: User, kind: str, subject_id: int) -> bool:
    return Watch.objects.filter(user=viewer, kind=Subject(kind), subject_id=subject_id).exists()
