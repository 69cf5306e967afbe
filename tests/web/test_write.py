"""Where a page is written, and that every way to ask for one writes the same."""

from __future__ import annotations

import pytest

from tests.web.tiny import pipeline
from x2vkit.cli.commands import main
from x2vkit.errors import X2VError
from x2vkit.run.versions import weights_hash
from x2vkit.studio.backend import StudioBackend
from x2vkit.web.export import export
from x2vkit.web.site import one_file
from x2vkit.web.write import check_page


def test_a_backend_writes_the_page_of_the_model_it_is_told(tmp_path):
    backend = StudioBackend(pipelines={"tiny": pipeline()})
    one = backend.page("tiny", tmp_path / "one.html", shapes=("still",), title="Ours")
    data = export(pipeline(), ("still",), "tiny", weights_hash(pipeline()))
    assert one.read_bytes() == one_file(data, tmp_path / "other.html", "Ours").read_bytes()
    place = backend.page("tiny", tmp_path / "page", shapes=("still",))
    assert {each.name for each in place.iterdir()} == {"index.html", "sw.js", "data"}
    assert backend.page("tiny", place, shapes=("still",)) == place  # its own it may write again


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("page.txt", "ends in .html, or a folder"),
        ("taken", "there is a file"),
        ("taken/page", "a folder cannot be made"),
        ("homepage", "another page, and would be lost"),
        ("no/page.html", "does not exist"),
    ],
)
def test_what_cannot_be_a_page_is_refused_before_weights_load(tmp_path, name, said, capsys):
    (tmp_path / "taken").touch()
    (tmp_path / "homepage").mkdir()
    (tmp_path / "homepage" / "index.html").write_text("mine")
    with pytest.raises(X2VError, match=said):
        check_page(tmp_path / name, "a page")
    with pytest.raises(X2VError, match=said):
        StudioBackend().page("no such model", tmp_path / name)
    assert main(["page", str(tmp_path / name)]) == 2
    assert said in capsys.readouterr().err
    assert (tmp_path / "homepage" / "index.html").read_text() == "mine"
