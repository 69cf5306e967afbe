"""Whose jobs may wait for the model: nobody fills the queue, and what nobody listens to is dropped."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Iterator
from typing import Any

from fastapi import HTTPException

from x2vkit.demo.gate import address_of

WAITING = 4
"""Jobs of one tab, or of one program, that may wait or run at the same time."""
LISTEN_SECONDS = 10.0
"""How long a job waits for somebody to listen to its news before it is dropped."""
Push = Callable[..., Awaitable[Any]]


def jobs(queue: Any) -> Iterator[Any]:
    """Every event that waits or runs for the model."""
    for one in queue.event_queue_per_concurrency_id.values():
        yield from (event for event in one.queue if event.fn.queue)
    for running in queue.active_jobs:
        yield from (event for event in running or () if event.fn.queue)


def limited(queue: Any) -> Push:
    """A queue's `push` that refuses more than WAITING jobs of one tab or program, and leaves as many places
    of the line to other addresses (a class may share one).
    """
    push, most = queue.push, max(WAITING, (queue.max_size or 32) - WAITING)

    async def pushed(body: Any, request: Any, username: str | None) -> Any:
        address = address_of(request.scope)
        theirs = [event for event in jobs(queue) if address_of(event.request.scope) == address]
        mine = [event for event in theirs if event.session_hash == body.session_hash]
        if body.session_hash is None:  # a program that opened no session: each of its jobs is one of its own
            mine = [event for event in theirs if event.session_hash == event._id]
        if len(mine) >= WAITING or len(theirs) >= most:
            told = f"you have {len(theirs)} jobs waiting here; {WAITING} may: wait for one to end, or stop it"
            raise HTTPException(429, told)
        return await push(body=body, request=request, username=username)

    return pushed


def unheard(queue: Any, session: str | None, listening: Collection[str | None]) -> bool:
    """Whether a job that is about to run has waited for LISTEN_SECONDS, and nobody listens to its session."""
    if session is None or session in listening:
        return False
    return any(
        event.session_hash == session and time.monotonic() - event.enqueue_time > LISTEN_SECONDS
        for event in jobs(queue)
    )
