"""Candidate actions, and decisions."""

from __future__ import annotations

from pydantic import Field

from crv.core.schema._base import Model
from crv.core.schema._fields import ActionWord, Payload

__all__ = ["ActionCandidate", "DecisionHead"]


class ActionCandidate(Model):
    """An action that an agent considers."""

    action_type: ActionWord = Field(description="The kind of action.")
    parameters: Payload = Field(default_factory=dict, description="Its parameters.")
    score: float = Field(description="Its score; higher is better.")
    key: str = Field(description="Its label, made by ``crv.core.grammar.canonical_action_key``.")


class DecisionHead(Model):
    """The inputs of a decision of an agent."""

    token_value_estimates: dict[str, float] = Field(
        default_factory=dict, description="`V_i(o)`, by token: its value for the agent."
    )
    action_candidates: list[ActionCandidate] = Field(default_factory=list, description="The candidate actions.")
    abstain: bool = Field(default=False, description="Whether the agent does nothing.")
    temperature: float = Field(default=0.0, description="The randomness of the choice.")
