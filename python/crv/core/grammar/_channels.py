"""Where something is said, and who can see it."""

from __future__ import annotations

from crv.core.grammar._vocabulary import Vocabulary

__all__ = ["ChannelType", "Visibility"]


class ChannelType(Vocabulary):
    """The kind of channel in which something is said."""

    PUBLIC = "public"
    """Open to everyone."""
    GROUP = "group"
    """Belongs to a group."""
    ROOM = "room"
    """Belongs to a room."""
    DM = "dm"
    """Between two agents."""


class Visibility(Vocabulary):
    """Who can see a message or a scenario."""

    PUBLIC = "public"
    """Everyone."""
    GROUP = "group"
    """The members of a group."""
    ROOM = "room"
    """Whoever is in a room."""
    DM = "dm"
    """One other agent."""
