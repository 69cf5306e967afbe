"""What stands between the page and strangers: errors told as x2vkit tells them, no files from elsewhere.

`Page` is a gr.Blocks whose `launch()` needs no arguments: nothing is shared, counted or fetched unasked.
"""

from __future__ import annotations

import functools
import html
import inspect
import sys
import traceback
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from threading import Timer
from typing import Any, TypeAlias, get_args, get_origin, get_type_hints
from urllib.parse import unquote

import gradio as gr
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware

from x2vkit.demo import style
from x2vkit.demo.engine import Engine
from x2vkit.demo.gate import Gate
from x2vkit.demo.turns import limited, unheard
from x2vkit.errors import X2VError
from x2vkit.media import MAX_FILE_BYTES

Stream: TypeAlias = Generator[Any, None, None]
SESSIONS = 64
"""Visitors whose last values Gradio remembers; it never forgets one before that many are there."""
WARM_SECONDS = 10
"""When the model is loaded at the latest."""
FILES_SECONDS = (600, 3600)
"""How often files are looked through, and how old one has to be to go."""


class Page(gr.Blocks):
    """The demo's page, with its engine as `engine`."""

    def __init__(self, engine: Engine, max_queue: int) -> None:
        super().__init__(title="x2vkit", analytics_enabled=False, fill_width=True, delete_cache=FILES_SECONDS)
        self.engine = engine
        self.timer: Timer | None = None
        self.hosts: list[str] = []
        self.gate: Gate | None = None
        self.queue(max_size=max_queue, default_concurrency_limit=1, status_update_rate=1)
        with self:
            self.unload(self.left)

    async def left(self, request: gr.Request) -> None:
        """A tab was closed: end its runs. Gradio does so, too, when it finds the stream of their news closed,
        but overlooks that when it is just sending some.
        """
        await self._queue.clean_events(session_hash=request.session_hash)

    def launch(
        self, *args: Any, prevent_thread_lock: bool = False, allow_hosts: Sequence[str] = (), **options: Any
    ) -> Any:
        """`gr.Blocks.launch`, its arguments with calmer defaults. Loads the model once the first page is
        open: loading beside it would make it twice as slow.

        allow_hosts: names that the page answers to beside this machine's own and the share link's ("*": any).
        """
        self.hosts = [*allow_hosts, options.get("root_path") or ""]
        self._queue.push = limited(self._queue)  # type: ignore[method-assign, assignment]
        app_kwargs = dict(options.pop("app_kwargs", None) or {})
        app_kwargs["middleware"] = [Middleware(self._gated), *app_kwargs.get("middleware", ())]
        usual: dict[str, Any] = {
            "share": False,
            "theme": style.theme(),
            "css": style.css(),
            "head": style.HEAD,
            "favicon_path": str(style.STATIC / "favicon.svg"),
            "footer_links": ["api", "settings"],
            "run_history": False,
            "enable_monitoring": False,
            "ssr_mode": False,
            "pwa": False,
            "max_file_size": MAX_FILE_BYTES,
            "state_session_capacity": SESSIONS,
            "app_kwargs": app_kwargs,
        }
        launched = super().launch(*args, **usual | options | {"prevent_thread_lock": True})
        self.timer = Timer(WARM_SECONDS, self.engine.warm)  # programs open no page
        self.timer.daemon = True
        self.timer.start()
        interactive = bool(getattr(sys, "ps1", "")) or bool(sys.flags.interactive)  # a notebook goes on
        if not (prevent_thread_lock or interactive):
            self.block_thread()
        return launched

    def close(self, verbose: bool = True) -> None:
        """Stop the server and take no more work."""
        if self.timer is not None:
            self.timer.cancel()
        super().close(verbose=verbose)
        self.engine.close()

    def _gated(self, app: Any) -> Gate:
        self.gate = Gate(app, lambda: (*self.hosts, self.share_url or ""))
        return self.gate

    async def process_api(self, block_fn: Any, inputs: list[Any], *args: Any, **options: Any) -> Any:
        """What Gradio does with every call, but each error is a sentence: its own reach a client as null."""
        request, begins = options.get("request"), options.get("iterator") is None
        session = getattr(request, "session_hash", None)
        try:
            listening = self.gate.listening if self.gate is not None else {session: 1}
            if begins and unheard(self._queue, session, listening):
                rule = "nobody listened to its news when its turn came"
                raise X2VError("this job", rule, "ask again, and read the answer as it comes")
            return await super().process_api(block_fn, inputs, *args, **options)
        except gr.Error:
            raise
        except Exception as error:
            raise told(error) from error

    def validate_inputs(self, block_fn: Any, inputs: list[Any]) -> None:
        """Raises gr.Error for a call with too few values. More are passed over, as Gradio does."""
        needed = len(block_fn.inputs)
        if not isinstance(inputs, list) or len(inputs) < needed:
            got = f"{len(inputs)} values" if isinstance(inputs, list) else "no list of values"
            raise told(X2VError(got, f"this call takes {needed}", "give each, null for its default"))
        super().validate_inputs(block_fn, inputs)

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *args: Any, **options: Any) -> Any:
        """What Gradio does with every input, but a file is never fetched from another host for a visitor."""
        roots = [str(root).rstrip("/") for root in (self.local_url, self.share_url) if root]
        own = tuple(f"{root}/gradio_api/file=" for root in roots)
        inputs = at_home(inputs, own)
        try:
            return await super().preprocess_data(block_fn, inputs, *args, **options)
        except (gr.Error, X2VError):
            raise
        except Exception as error:  # what Gradio cannot read as its component's value
            rule = f"this page cannot read them ({' '.join(str(error).split())[:120]})"
            raise told(
                X2VError("the values given", rule, "see the page's API for each one's kind")
            ) from error


def at_home(value: Any, own: tuple[str, ...]) -> Any:
    """The same value, its files as paths on this machine. Raises gr.Error for a file of another host, and for
    one of this machine that nobody uploaded (`uploaded`).

    Whatever has a path is a file here, with or without the marks that Gradio puts on one: Gradio checks only
    what is marked. own: beginnings of this page's own addresses. MCP clients name an upload by its address.
    """
    if isinstance(value, dict):
        path = value.get("path")
        if isinstance(path, str):
            home = next((path[len(root) :] for root in own if path.startswith(root)), path)
            if "://" in home.replace("\\", "/"):
                raise told(X2VError(f"file {path[:80]!r}", "files are uploaded, never fetched", "upload it"))
            file = unquote(home) if home != path else path
            visitors_file(file)
            return value | {"path": file}
        return {key: at_home(part, own) for key, part in value.items()}
    if isinstance(value, list):
        return [at_home(part, own) for part in value]
    return value


def uploaded(path: Any) -> str:
    """The resolved path of a file that came in through this page. Raises X2VError for anything else, in the
    same words whether there is such a file or not: a visitor learns nothing about this machine.

    Whoever opens a file for a visitor asks here, whatever form its name arrived in.
    """
    cure = "upload it, or use gradio_client.handle_file(path)"
    wrong = X2VError("this file", "a file is uploaded, not named", cure)
    if not isinstance(path, (str, Path)):
        raise wrong
    try:
        file, folder = Path(path).resolve(), Path(get_upload_folder()).resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a loop of links, a name that cannot be one
        raise wrong from error
    if file == folder or not file.is_relative_to(folder):
        raise wrong
    return str(file)


def visitors_file(path: Any) -> str:
    """`uploaded`, with its error as the page shows one."""
    try:
        return uploaded(path)
    except X2VError as error:
        raise told(error) from error


def told(error: BaseException) -> gr.Error:
    """An error as the page shows it. A bug is told to the terminal; visitors hear only that there is one."""
    if isinstance(error, X2VError):
        return gr.Error(plain(error), title="This cannot be", print_exception=False)
    traceback.print_exception(error)
    return gr.Error("Something broke. The terminal that runs this page says what.", print_exception=False)


def plain(error: X2VError) -> str:
    """An error's text that no page takes for HTML."""
    return html.escape(str(error), quote=False)


def said(run: Callable[..., Stream]) -> Callable[..., Stream]:
    """The same generator, with its errors told; and typed by what it yields, which is what Gradio reads."""

    @functools.wraps(run)
    def saying(*args: Any, **options: Any) -> Generator[Any, None, None]:
        try:
            yield from run(*args, **options)
        except Exception as error:
            raise told(error) from error

    hints = get_type_hints(run)
    returned = hints.get("return")
    if get_origin(returned) is not None and get_args(returned) and "Generator" in str(get_origin(returned)):
        returned = get_args(returned)[0]
    signature = inspect.signature(run).replace(return_annotation=returned)
    saying.__signature__ = signature  # type: ignore[attr-defined]
    return saying
