"""What a page asks a browser to load: all scripts but Plotly within 60 kB as they travel."""

from __future__ import annotations

import gzip

from tests.conftest import ROOT

MOST_BYTES = 60_000


def test_scripts_are_light() -> None:
    static = ROOT / "static"
    scripts = [path for path in static.rglob("*.js") if "plotly" not in path.parts]
    assert scripts
    assert sum(len(gzip.compress(path.read_bytes())) for path in scripts) <= MOST_BYTES
