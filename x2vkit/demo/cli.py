"""`x2vkit demo`: the page on this machine, shared for a while, behind a password, or as a Space's folder."""

from __future__ import annotations

import argparse
import os
import sys
from importlib.util import find_spec
from typing import Any

from x2vkit.errors import X2VError
from x2vkit.registry import weights_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `x2vkit demo` to a (sub-)parser."""
    add = parser.add_argument
    add("--model", metavar="NAME", help="name or folder of the weights to begin with (the usual ones)")
    add("--host", default="127.0.0.1", help="where it listens; 0.0.0.0 lets your network in (%(default)s)")
    add("--port", type=int, help="the first free one from 7860 on, unless given")
    add("--root-path", metavar="PATH", help="where a proxy shows the page, such as /x2v or https://host/x2v")
    add("--share", action="store_true", help="a public address for a week, through Gradio's servers")
    add("--auth", metavar="USER:PASS", help="ask for a name and a password")
    add(
        "--allow-host",
        action="append",
        metavar="NAME",
        help="a name that a proxy has the page under; repeatable",
    )
    add("--max-queue", type=int, default=32, metavar="N", help="requests that may wait (%(default)s)")
    add("--mcp", action="store_true", help="also be an MCP server, for language models that call tools")
    add("--open", action="store_true", help="open the page in a browser")
    add("--export-space", metavar="DIR", help="write a folder that runs as a Hugging Face Space, and stop")
    add("--static", action="store_true", help="of such a folder, one that computes in the visitor's browser")


def run(args: argparse.Namespace) -> None:
    """Run `x2vkit demo` with parsed arguments. Raises X2VError on bad input, before anything heavy loads."""
    if args.static and not args.export_space:
        raise X2VError("--static", "it says which Space is written", "add --export-space DIR")
    if args.export_space:
        from x2vkit.demo.space import export, export_static

        return (export_static if args.static else export)(args.export_space, args.model)
    options = launch_options(args)
    if args.model:
        weights_folder(args.model)
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from x2vkit.demo import demo

    page = demo(args.model, max_queue=args.max_queue)
    try:
        page.launch(prevent_thread_lock=True, quiet=True, **options)
    except OSError as error:
        got = f"--host {args.host} --port {args.port}"
        raise X2VError(got, f"the page cannot stand there ({error})", "use another port") from error
    print(f"x2vkit: {page.share_url or page.local_url}  (Ctrl+C stops)", flush=True)
    try:
        page.block_thread()
    finally:
        page.close(verbose=False)
        sys.stdout.flush()


def launch_options(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments as `launch`'s options, checked."""
    options: dict[str, Any] = {"server_name": args.host, "share": args.share, "inbrowser": args.open}
    if args.port is not None:
        if not 0 < args.port < 65536:
            raise X2VError(f"--port {args.port}", "a port is a number from 1 to 65535", "use 7860")
        options["server_port"] = args.port
    if args.root_path is not None:
        if not args.root_path.startswith(("/", "http://", "https://")):
            rule = "it is a path or an address"
            raise X2VError(f"--root-path {args.root_path}", rule, "write /x2v or https://host/x2v")
        options["root_path"] = args.root_path
    if args.auth is not None:
        user, colon, password = args.auth.partition(":")
        if not (user and colon and password):
            raise X2VError("--auth", "it is a name and a password", "write --auth USER:PASS")
        options["auth"] = (user, password)
    if args.allow_host:
        options["allow_hosts"] = args.allow_host
    if args.mcp:
        if find_spec("mcp") is None:
            raise X2VError("--mcp", "Gradio needs its MCP extra for this", "pip install 'gradio[mcp]'")
        options["mcp_server"] = True
    return options
