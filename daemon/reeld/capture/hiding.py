"""What a source says when a rule of `[privacy]` hides it."""

from reeld_proto.errors import ErrorCode, RequestRejected


class SourceHidden(RequestRejected):
    """It must not be captured now. At a start this refuses it; while recording it is a `hidden` gap, no loss."""

    def __init__(self, what: str, rule: str) -> None:
        super().__init__(
            f"{what} is never recorded: the privacy rule {rule!r} hides it",
            code=ErrorCode.DENIED,
            remedy="Record something else, or change [privacy] in the config file.",
        )
        self.rule = rule
