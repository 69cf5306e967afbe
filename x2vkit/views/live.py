"""What views that make something share: a session of the backend, which ends with the widget."""

from __future__ import annotations

from typing import Any

from x2vkit.views.base import View


class LiveView(View):
    """A view whose buttons reach a session in the kernel."""

    session: Any = None
    """The kernel's half, once there is one."""

    def close(self) -> None:
        """Stop what runs, and close the widget."""
        if self.session is not None:
            self.session.close()
        super().close()
