"""The session: its states, what may be recorded, and the conversation with the workers that record it."""

from reeld.sessions.service import SessionService

__all__ = ["SessionService"]
