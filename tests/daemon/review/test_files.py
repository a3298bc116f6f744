"""The page's files. Harm guarded against: a page as an older version had it, a file of somebody else's that is given
out, and a module that is fetched only after another one was read."""

import re
from pathlib import Path

from reeld.review.files import INDEX, PAGE
from tests.support.review_app import ReviewApp


def test_a_browser_keeps_files_and_hears_when_they_changed(tmp_path: Path) -> None:
    with ReviewApp(tmp_path) as app:
        status, body, headers = app.ask("/app.js")
        assert (status, body) == (200, (PAGE / "app.js").read_bytes())
        assert (headers["content-type"], headers["cache-control"]) == ("text/javascript; charset=utf-8", "no-cache")
        assert app.ask("/app.js", if_none_match=headers["etag"])[:2] == (304, b"")
        assert app.ask("/app.js", if_none_match='"another"')[0] == 200
        assert app.ask("/")[1] == app.ask(f"/{INDEX}")[1] == (PAGE / INDEX).read_bytes()


def test_nothing_else_is_given_out(tmp_path: Path) -> None:
    with ReviewApp(tmp_path) as app:
        for name in ("/files.py", "/..", "/../app.py", "/%2e%2e/app.py", "/page/app.js", "/none.js"):
            assert app.ask(name)[0] == 404, name


def test_every_module_is_asked_for_at_once() -> None:
    preloaded = re.findall(r'rel="modulepreload" href="/([^"]+)"', (PAGE / INDEX).read_text())
    assert sorted([*preloaded, "app.js"]) == sorted(each.name for each in PAGE.glob("*.js"))
