"""The edges of an agent's representation, their edits, and the edges of the world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from crv.core.grammar._vocabulary import Vocabulary

__all__ = ["PatchOp", "RepresentationEdgeKind", "TopologyEdgeKind"]


class PatchOp(Vocabulary):
    """An edit of an agent's representation graph."""

    SET_IDENTITY_EDGE_WEIGHT = "set_identity_edge_weight"
    """Sets the weight of an edge."""
    ADJUST_IDENTITY_EDGE_WEIGHT = "adjust_identity_edge_weight"
    """Adds to the weight of an edge."""
    DECAY_IDENTITY_EDGES = "decay_identity_edges"
    """Reduces the weights of a scope of edges."""
    REMOVE_IDENTITY_EDGE = "remove_identity_edge"
    """Removes an edge."""


class RepresentationEdgeKind(Vocabulary):
    """The kind of an edge of an agent's representation: what it connects.

    ``i`` is the observing agent, ``j``, ``k`` and ``l`` are other agents, ``o`` and ``p`` are tokens.
    """

    SELF_TO_POSITIVE_VALENCE = "self_to_positive_valence"
    """``s+_i``: the self's positive anchor."""
    SELF_TO_NEGATIVE_VALENCE = "self_to_negative_valence"
    """``s-_i``: the self's negative anchor."""
    SELF_TO_OBJECT = "self_to_object"
    """``s_i,o``: attachment to a token, endowment."""
    SELF_TO_AGENT = "self_to_agent"
    """``a_i,j``: the primitive tie between self and another agent."""
    AGENT_TO_POSITIVE_VALENCE = "agent_to_positive_valence"
    """``u+_i,j``: good feeling toward another agent."""
    AGENT_TO_NEGATIVE_VALENCE = "agent_to_negative_valence"
    """``u-_i,j``: bad feeling toward another agent."""
    AGENT_TO_OBJECT = "agent_to_object"
    """``b_i,j,o``: another agent's stance on a token, as the observer sees it."""
    AGENT_TO_AGENT = "agent_to_agent"
    """``d_i,k,l``: alliance or rivalry of two others, as the observer sees it."""
    AGENT_PAIR_TO_OBJECT = "agent_pair_to_object"
    """``q_i,k,l,o``: a coalition of two others on a token, as the observer sees it."""
    OBJECT_TO_POSITIVE_VALENCE = "object_to_positive_valence"
    """``r+_i,o``: the good trace a token left."""
    OBJECT_TO_NEGATIVE_VALENCE = "object_to_negative_valence"
    """``r-_i,o``: the bad trace a token left."""
    OBJECT_TO_OBJECT = "object_to_object"
    """``c_i,o,p``: association of two tokens."""

    def required_slots(self) -> tuple[str, ...]:
        """Return the columns of ``identity_edges`` that must have a value for this kind, in table order.

        Empty text does not count as a value.

        >>> RepresentationEdgeKind.AGENT_TO_OBJECT.required_slots()
        ('subject_id', 'token_id')
        """
        return _REQUIRED_SLOTS[self.value]


_REQUIRED_SLOTS: Final[Mapping[str, tuple[str, ...]]] = {
    "self_to_positive_valence": (),
    "self_to_negative_valence": (),
    "self_to_object": ("subject_id", "token_id"),
    "self_to_agent": ("subject_id", "object_id"),
    "agent_to_positive_valence": ("subject_id",),
    "agent_to_negative_valence": ("subject_id",),
    "agent_to_object": ("subject_id", "token_id"),
    "agent_to_agent": ("subject_id", "object_id"),
    "agent_pair_to_object": ("subject_id", "related_agent_id", "token_id"),
    "object_to_positive_valence": ("token_id",),
    "object_to_negative_valence": ("token_id",),
    "object_to_object": ("subject_id", "object_id"),
}


class TopologyEdgeKind(Vocabulary):
    """The kind of an edge of the world: what it connects. Such edges are never stored in ``identity_edges``."""

    IS_NEIGHBOR = "is_neighbor"
    """Two agents are neighbours."""
    FOLLOWS = "follows"
    """One agent follows another."""
    IN_GROUP = "in_group"
    """An agent is in a group."""
    CONNECTS_ROOM = "connects_room"
    """Two rooms are connected."""
