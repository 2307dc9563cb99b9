"""What an agent may do, and how it decides."""

from __future__ import annotations

from pydantic import Field

from crv.core.schema._base import Model
from crv.core.schema._fields import ActionWord, Payload

__all__ = ["ActionCandidate", "DecisionHead"]


class ActionCandidate(Model):
    """An action that an agent weighs."""

    action_type: ActionWord = Field(description="The kind of action.")
    parameters: Payload = Field(default_factory=dict, description="Its parameters.")
    score: float = Field(description="How good it looks.")
    key: str = Field(description="Its label, as of ``crv.core.grammar.canonical_action_key``.")


class DecisionHead(Model):
    """What an agent decides with."""

    token_value_estimates: dict[str, float] = Field(
        default_factory=dict, description="`V_i(o)`, by token: what it is worth to the agent."
    )
    action_candidates: list[ActionCandidate] = Field(default_factory=list, description="The actions it weighs.")
    abstain: bool = Field(default=False, description="Whether it does nothing.")
    temperature: float = Field(default=0.0, description="How much chance there is in the choice.")
