"""Failed: an exception that travels as a value."""


class Failed:
    """The result of an awaitable that stands for an exception: a coroutine cannot raise every one."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error
