"""The page on which an update is written: by hand and by itself saved, held against the facts, previewed, published."""

from __future__ import annotations

from typing import Any

from django.core import signing
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from history.forms import explaining
from people.pages import SignedIn, done, posted
from programs.models import Program
from programs.pages import find_program
from programs.permissions import Act, require
from reports.models import Update
from reports.updates import services, snapshot
from reports.updates.drafting.lines import kept_in, prefilled, put_into, up_to_date
from reports.updates.drafting.sentences import Sentence, read
from reports.updates.forms import UpdateForm
from reports.updates.looking import Known, Looked, drafted_of, facts_of, look_over
from reports.updates.rules.lint import Found
from reports.updates.views import update_crumbs, update_of

# What carries over from the last update: a lead says it again, or changes it.
CARRIED = ("health", "cause", "path_to_green", "path_owner", "path_on")
DRAFTED = "reports.drafted"


@require_http_methods(["GET", "HEAD", "POST"])
def update_begin(request: SignedIn, key: str) -> HttpResponse:
    """Write an update. It begins with what the rules draft; a draft that is there already is gone on with."""
    program = find_program(request, key)
    require(request.user, Act.REPORT, program)
    if request.method != "POST":
        begun = program.updates.filter(published_at=None, corrects=None).order_by("-begun_at", "-id").first()
        if begun:
            return redirect("update_change", begun.pk)
        known = facts_of(Update(program=program), timezone.now())
        return editor(request, Update(program=program), UpdateForm(initial=beginning(program, known)), known=known)
    if number := request.POST.get("draft_id", ""):
        pk = int(number) if number.isascii() and number.isdigit() and len(number) < 19 else 0
        return write(request, get_object_or_404(program.updates, pk=pk))
    return write(request, Update(program=program))


@require_http_methods(["GET", "HEAD", "POST"])
def update_change(request: SignedIn, pk: int) -> HttpResponse:
    update = update_of(request, pk)
    require(request.user, Act.REPORT, update.program)
    if request.method == "POST":
        return write(request, update)
    if update.published_at:
        return redirect(update)
    known = facts_of(update, timezone.now())
    text = up_to_date(update.text, read(update.sentences), known[1])
    form = UpdateForm(row=update)
    form.propose({"text": text} if text != update.text else {})
    update.text = text
    return editor(request, update, form, known=known)


def beginning(program: Program, known: Known) -> dict[str, Any]:
    """What a new update starts with: the draft by rules, and what carries over."""
    last = last_of(program)
    carried = {name: getattr(last, name) for name in CARRIED} if last else {}
    return carried | {"text": prefilled(known[1])}


def last_of(program: Program) -> Update | None:
    rows = program.updates.published().select_related("path_owner").defer("snapshot", "sentences")
    return rows.order_by("-published_at", "-id").first()


def write(request: SignedIn, update: Update) -> HttpResponse:
    """Save what was typed, by itself or on a button; then do what the button says."""
    form = UpdateForm(posted(request), row=update if update.pk else None)
    by_itself = bool(request.htmx)
    if by_itself and "held" in request.POST:
        # Somebody else's words wait for an answer: only a person's own click overwrites them.
        return HttpResponse(status=204)
    drafted = handed_back(request)
    if not form.is_valid():
        kept = False
        if by_itself and can_keep_rest(form):
            with explaining(form), transaction.atomic():
                update = keep(request, update, form.changes, drafted)
                kept = True
        elif not form.conflicts:
            # One field that cannot be read keeps the others from being saved, not from being seen.
            update = preview_of(update, form, drafted)
        return saved(request, update, form, kept=kept) if by_itself else editor(request, update, form)
    at, typed = timezone.now(), form.changes
    if sentence := request.POST.get("add"):
        now = drafted_of(update, at)
        typed["text"] = put_into(form.cleaned_data["text"], sentence, [*read(update.sentences), *drafted], now)
    if "preview" in request.POST:
        return editor(request, preview_of(update, form, drafted), form)
    if "publish" in request.POST and "anyway" not in request.POST and not update.published_at:
        warned = look_over(preview_of(update, form, drafted), at).warnings
        if warned:
            return editor(request, preview_of(update, form, drafted), form, asks=warned)
    with explaining(form), transaction.atomic():
        update = keep(request, update, typed, drafted)
        if "publish" in request.POST:
            services.publish_update(update=update, by=request.user, at=at)
    if by_itself:
        return saved(request, update, form)
    if form.errors:
        return editor(request, preview_of(update, form, drafted), form)
    if "publish" in request.POST:
        message, to = _("Published. The facts it was written on are kept with it."), f"/u/{update.pk}"
    else:
        message, to = _("Draft saved."), reverse("update_change", args=[update.pk])
    return done(request, message, to, kept=form.kept)


def keep(request: SignedIn, update: Update, typed: dict[str, Any], drafted: list[Sentence]) -> Update:
    if update.pk:
        return services.change_update(update=update, by=request.user, drafted=drafted, **typed)
    at = timezone.now()
    return services.begin_update(program=update.program, by=request.user, at=at, drafted=drafted, **typed)


def can_keep_rest(form: UpdateForm) -> bool:
    """Whether fields that cannot be read may stay as they are, so that all else is saved and nothing typed is lost."""
    bad = form.errors.keys()
    # Without a version that can be read, what others wrote meanwhile would be lost.
    return not form.conflicts and bad <= set(form.names) and not any(form.fields[name].required for name in bad)


def handed_out(request: SignedIn, drafted: list[Sentence]) -> str:
    """What was drafted for a page, and for it before, to be handed back: the records may say other things by then."""
    each = {sentence.markdown: sentence for sentence in [*handed_back(request), *drafted]}
    return signing.dumps([sentence.write() for sentence in each.values()], salt=DRAFTED, compress=True)


def handed_back(request: SignedIn) -> list[Sentence]:
    try:
        return read(signing.loads(request.POST.get("drafted", ""), salt=DRAFTED))
    except signing.BadSignature:
        return []


def preview_of(update: Update, form: UpdateForm, drafted: list[Sentence]) -> Update:
    """The update as it would be with what was typed and can be read; not saved."""
    for name, value in form.changes.items():
        setattr(update, name, value)
    update.sentences = [*update.sentences, *(sentence.write() for sentence in drafted)]
    return update


def editor(
    request: SignedIn,
    update: Update,
    form: UpdateForm,
    *,
    asks: list[Found] | None = None,
    known: Known | None = None,
) -> HttpResponse:
    """The whole page. ``asks`` are warnings that whoever publishes is asked about."""
    program = update.program
    if not update.pk:
        for name, value in form.initial.items() if not form.is_bound else ():
            setattr(update, name, value)
    looked = look_over(update, timezone.now(), known)
    last = last_of(program)
    context = beside(update, looked) | {
        "title": _("Correct an update") if update.corrects_id else _("Edit draft") if update.pk else _("Write update"),
        "sub": program.name,
        "crumbs": update_crumbs(program),
        "program": program,
        "form": form,
        "asks": asks,
        "brought_up": form.proposed,
        "last": last if last and last.pk != update.corrects_id else None,
        "facts": snapshot.shown(looked.facts),
        "drafted": handed_out(request, looked.drafted),
        "here": reverse("update_change", args=[update.pk]) if update.pk else request.path,
        "cancel_url": reverse("update_list", args=[program.key]),
        "delete_url": reverse("update_discard", args=[update.pk]) if update.pk else "",
    }
    return render(request, "reports/update_form.html", context, status=422 if asks else form.status)


def saved(request: SignedIn, update: Update, form: UpdateForm, *, kept: bool = False) -> HttpResponse:
    """The answer to what was saved by itself: its state, what somebody else wrote meanwhile, and what it lacks now."""
    at = timezone.now()
    version = update.version if update.pk and not form.conflicts else form.data.get("version", "")
    context: dict[str, Any] = {"form": form, "update": update, "at": at, "version": version, "kept": kept}
    if not form.conflicts:
        looked = look_over(update, at)
        context |= beside(update, looked)
    context["drafted"] = handed_out(request, [] if form.conflicts else looked.drafted)
    # Where somebody else changed a field and this page did not, the page now shows theirs.
    context["moved"] = [
        field for field in form.visible_fields() if str(field.data or "") != request.POST.get(field.name, "")
    ]
    response = render(request, "reports/update_saved.html", context, status=form.status)
    if update.pk:
        response["HX-Replace-Url"] = reverse("update_change", args=[update.pk])
    return response


def beside(update: Update, looked: Looked) -> dict[str, Any]:
    """What stands beside the form: what the update lacks, how it reads, and what the records say that it does not."""
    kept = kept_in(update.text, looked.drafted)
    return {
        "update": update,
        "looked": looked,
        "unsaid": [sentence for sentence in looked.drafted if sentence not in kept],
        "since": looked.facts["since"],
    }
