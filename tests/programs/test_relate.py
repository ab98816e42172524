from __future__ import annotations

from typing import TYPE_CHECKING, Any

import programs.services
from programs.models import RelatedLink

if TYPE_CHECKING:
    from tests.conftest import Cast


def test_a_link_reads_from_both_ends(cast: Cast, sign_in: Any) -> None:
    old = programs.services.create_program(by=cast.admin, key="OLD", name="Region NA-3")
    client = sign_in(cast.contributor)
    assert client.post("/p/NA4/related/new", {"other": "OLD", "kind": "replaces"}).url == "/p/NA4/related"
    assert "Region NA-3" in client.get("/p/NA4/related").content.decode()
    page = client.get("/p/OLD/related").content.decode()
    assert "is replaced by" in page
    link = RelatedLink.objects.get()
    assert f"/related/{link.pk}/delete" not in page
    response = client.post("/p/NA4/related/new", {"other": "OLD", "kind": "replaces"})
    assert response.status_code == 422
    assert "linked like this already" in response.content.decode()
    assert client.post(f"/related/{link.pk}/delete").url == "/p/NA4/related"
    assert not old.related_links_here.exists()


def test_a_hidden_program_is_no_relation(cast: Cast, sign_in: Any) -> None:
    link = programs.services.relate(program=cast.na4, other=cast.dark, kind="see_also", by=cast.lead)
    assert "Canary merger" in sign_in(cast.viewer).get("/p/NA4/related").content.decode()
    outside = sign_in(cast.outsider)
    page = outside.get("/p/NA4/related").content.decode()
    assert "Canary" not in page
    assert "No related programs" in page
    assert outside.get(f"/related/{link.pk}/delete").status_code == 404
    programs.services.give_role(program=cast.na4, user=cast.outsider, kind="contributor", by=cast.lead)
    response = outside.post("/p/NA4/related/new", {"other": "DARK", "kind": "replaces"})
    assert response.status_code == 422
    assert "Canary" not in response.content.decode()
