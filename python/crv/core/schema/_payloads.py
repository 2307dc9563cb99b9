"""What agents say, make of it, feel, and are."""

from __future__ import annotations

from pydantic import Field

from crv.core.schema._base import Model
from crv.core.schema._fields import Payload, UnitInterval, Values

__all__ = ["AffectState", "AppraisalVector", "Interpretation", "Persona", "Utterance"]


class Utterance(Model):
    """Something said."""

    act: str = Field(description="The speech act, such as `claim` or `ask`.")
    topic: str = Field(description="What it is about.")
    stance: str | None = Field(default=None, description="The position taken.")
    claims: Values = Field(default_factory=list, description="What is claimed.")
    style: Payload = Field(default_factory=dict, description="How it is said.")
    audience: list[str] = Field(default_factory=list, description="Who is addressed.")


class Interpretation(Model):
    """What an observer makes of an event."""

    event_type: str = Field(description="The kind of event, as understood.")
    targets: list[str] = Field(default_factory=list, description="Whom or what it is about.")
    inferred: Payload = Field(default_factory=dict, description="What follows from it, to the observer.")
    salience: UnitInterval = Field(description="How much it stands out.")


class AppraisalVector(Model):
    """How an event is appraised."""

    valence: UnitInterval = Field(description="From bad to good.")
    arousal: UnitInterval = Field(description="From calm to excited.")
    certainty: UnitInterval = Field(description="From unsure to sure.")
    novelty: UnitInterval = Field(description="From familiar to new.")
    goal_congruence: UnitInterval = Field(description="From against the agent's goals to for them.")


class Persona(Model):
    """Who an agent is to an outside model."""

    persona_id: str = Field(description="Names the persona.")
    label: str = Field(description="What people call it.")
    traits: Payload = Field(default_factory=dict, description="Its traits.")


class AffectState(Model):
    """How an agent feels."""

    valence: UnitInterval = Field(default=0.5, description="From bad to good.")
    arousal: UnitInterval = Field(default=0.5, description="From calm to excited.")
    stress: UnitInterval = Field(default=0.0, description="From relaxed to strained.")
