"""The one error that users of x2vkit meet: it says what was given, what holds, and what to do about it."""


class X2VError(ValueError):
    """Input that x2vkit cannot work with. `str(error)` reads "got: rule. cure."

    got: the value as the user gave it ("num_frames=16"); rule: what must hold ("a clip has 1 + 4k frames");
    cure: what to do ("use 13 or 17").
    """

    def __init__(self, got: str, rule: str, cure: str) -> None:
        self.got, self.rule, self.cure = got, rule, cure
        super().__init__(f"{got}: {rule}. {cure}.")

    @property
    def parts(self) -> dict[str, str]:
        """Its three parts by name, as a page is told of them."""
        return {"got": self.got, "rule": self.rule, "cure": self.cure}

    def __reduce__(self) -> tuple:
        """Rebuild from the three parts, so that the error survives a process boundary (data workers)."""
        return type(self), (self.got, self.rule, self.cure)
