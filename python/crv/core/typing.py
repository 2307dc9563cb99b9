"""Small shared types that carry no rule of their own."""

from __future__ import annotations

from typing import Any, NewType, TypeAlias

__all__ = ["GroupId", "JsonDict", "RoomId", "Tick"]

Tick: TypeAlias = int
"""A point in simulated time. Stored ticks are zero or more."""

GroupId = NewType("GroupId", str)
"""Names a group of agents."""

RoomId = NewType("RoomId", str)
"""Names a room, a place where agents meet and talk."""

JsonDict: TypeAlias = dict[str, Any]
"""A JSON object."""
