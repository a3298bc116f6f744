"""Looking at recordings in a browser."""

from typing import Annotated

from msgspec import Meta

from reeld_proto.base import Command, Name, Reply


class OpenReview(Command, tag="review.open", frozen=True, kw_only=True):
    """Start the review server, if it does not run, and let one browser in. Answered by `ReviewOpened`.

    session: the one to show; empty for the list. at_s: where it is shown, in playback seconds.
    """

    session: Name = ""
    at_s: Annotated[float, Meta(ge=0, le=1e9)] = 0.0


class ReviewOpened(Reply, tag="review.open.reply", frozen=True, kw_only=True):
    """Answer to `OpenReview`. url: of this machine only; it lets one browser in, once, within `expires_s`."""

    url: str
    expires_s: float
