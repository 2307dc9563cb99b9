"""Channels of messages, and their visibility."""

from __future__ import annotations

from crv.core.grammar._vocabulary import Vocabulary

__all__ = ["ChannelType", "Visibility"]


class ChannelType(Vocabulary):
    """The kind of a channel."""

    PUBLIC = "public"
    """A channel for everyone."""
    GROUP = "group"
    """A channel of a group."""
    ROOM = "room"
    """A channel of a room."""
    DM = "dm"
    """A channel between two agents."""


class Visibility(Vocabulary):
    """The agents that can see a message or a scenario."""

    PUBLIC = "public"
    """All agents."""
    GROUP = "group"
    """The members of a group."""
    ROOM = "room"
    """The agents in a room."""
    DM = "dm"
    """One other agent."""
