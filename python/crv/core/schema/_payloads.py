"""Payloads of agents: utterances, interpretations, appraisals, personas, affect."""

from __future__ import annotations

from pydantic import Field

from crv.core.schema._base import Model
from crv.core.schema._fields import Payload, UnitInterval, Values

__all__ = ["AffectState", "AppraisalVector", "Interpretation", "Persona", "Utterance"]


class Utterance(Model):
    """An utterance of an agent."""

    act: str = Field(description="The speech act, such as `claim` or `ask`.")
    topic: str = Field(description="The topic.")
    stance: str | None = Field(default=None, description="The position taken.")
    claims: Values = Field(default_factory=list, description="The claims.")
    style: Payload = Field(default_factory=dict, description="The style.")
    audience: list[str] = Field(default_factory=list, description="The addressed agents.")


class Interpretation(Model):
    """How an observer interprets an event."""

    event_type: str = Field(description="The kind of event, as the observer understands it.")
    targets: list[str] = Field(default_factory=list, description="The agents and tokens that it is about.")
    inferred: Payload = Field(default_factory=dict, description="The conclusions of the observer.")
    salience: UnitInterval = Field(description="How salient the event is.")


class AppraisalVector(Model):
    """The appraisal of an event."""

    valence: UnitInterval = Field(description="From bad to good.")
    arousal: UnitInterval = Field(description="From calm to excited.")
    certainty: UnitInterval = Field(description="From unsure to sure.")
    novelty: UnitInterval = Field(description="From familiar to new.")
    goal_congruence: UnitInterval = Field(description="From against the agent's goals to for them.")


class Persona(Model):
    """An agent as an outside model sees it."""

    persona_id: str = Field(description="The id of the persona.")
    label: str = Field(description="Its name for people.")
    traits: Payload = Field(default_factory=dict, description="Its traits.")


class AffectState(Model):
    """The affect of an agent."""

    valence: UnitInterval = Field(default=0.5, description="From bad to good.")
    arousal: UnitInterval = Field(default=0.5, description="From calm to excited.")
    stress: UnitInterval = Field(default=0.0, description="From relaxed to strained.")
