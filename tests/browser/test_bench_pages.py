"""The stop-watch of `x2vkit bench --pages`."""

from __future__ import annotations

from x2vkit.bench import pages as bench_pages


def test_waits_are_counted_from_the_input_to_its_frame(browser, tmp_path):
    """A page that draws 50 ms late is measured as such."""
    slider = '<input type="range" data-key="step" style="width:300px">'
    wait = "const start = performance.now(); while (performance.now() < start + 50);"
    script = f"<script>addEventListener('input', () => {{ {wait} }})</script>"
    (tmp_path / "page.html").write_text(f'<div class="x2v" data-ready="1">{slider}</div>{script}')
    requests = []
    page = bench_pages._open(browser, tmp_path / "page.html", requests)
    waits = bench_pages._drag(page, "step")
    assert len(waits) >= 5 and min(waits) >= 50 and requests == []
    page.close()
