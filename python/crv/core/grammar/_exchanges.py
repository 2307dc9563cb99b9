"""The kinds of events of ownership and opinion."""

from __future__ import annotations

from crv.core.grammar._vocabulary import Vocabulary

__all__ = ["ExchangeKind"]


class ExchangeKind(Vocabulary):
    """The kind of an event in the ``exchange`` table."""

    TRADE = "trade"
    """A trade was settled."""
    ORDER_POST = "order_post"
    """An order was posted."""
    ORDER_CANCEL = "order_cancel"
    """An order was cancelled."""
    SWAP = "swap"
    """One token was swapped for another."""
    GIFT = "gift"
    """A token was given away."""
    PEER_OFFER = "peer_offer"
    """An exchange between two agents was offered."""
    PEER_ACCEPT = "peer_accept"
    """The offer was accepted."""
    PEER_REJECT = "peer_reject"
    """The offer was rejected."""
    CAST_VOTE = "cast_vote"
    """A vote was cast."""
    VOTE_OUTCOME = "vote_outcome"
    """The outcome of a vote was published."""
