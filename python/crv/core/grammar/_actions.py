"""The kinds of actions of agents."""

from __future__ import annotations

from crv.core.grammar._vocabulary import Vocabulary

__all__ = ["ActionKind"]


class ActionKind(Vocabulary):
    """The kind of an action of an agent in a tick."""

    ACQUIRE_TOKEN = "acquire_token"
    """An agent takes hold of a token."""
    RELINQUISH_TOKEN = "relinquish_token"
    """An agent lets go of a token."""
    RELATE_AGENT = "relate_agent"
    """An agent relates to another, positively or negatively."""
    RELATE_OTHER_AGENTS = "relate_other_agents"
    """An agent says how two others relate."""
    ENDORSE_TOKEN = "endorse_token"
    """An agent speaks for or against a token."""
    COENDORSE_TOKEN_WITH_AGENTS = "coendorse_token_with_agents"
    """An agent says that two others stand together on a token."""
    EXPOSE_SIGNAL_ABOUT_TOKEN = "expose_signal_about_token"
    """An agent shows a signal about a token."""
    DECLARE_COOCCURRENCE = "declare_cooccurrence_between_tokens"
    """Two tokens are said to belong together."""
    PROPOSE_PEER_EXCHANGE = "propose_peer_exchange"
    """An agent offers another an exchange."""
    ACCEPT_PEER_EXCHANGE = "accept_peer_exchange"
    """The other agent takes the offer."""
    REJECT_PEER_EXCHANGE = "reject_peer_exchange"
    """The other agent refuses the offer."""
    SETTLE_PEER_EXCHANGE = "settle_peer_exchange"
    """An accepted exchange is carried out."""
    POST_ORDER_TO_VENUE = "post_order_to_venue"
    """An agent posts an order at a venue."""
    CANCEL_ORDER_AT_VENUE = "cancel_order_at_venue"
    """An agent takes its order back."""
    SETTLE_TRADE_FROM_VENUE = "settle_trade_from_venue"
    """A venue settles a trade between two agents."""
    SWAP_AT_VENUE = "swap_at_venue"
    """An agent swaps one token for another at a venue."""
    CAST_VOTE_AT_VENUE = "cast_vote_at_venue"
    """An agent votes on a token at a venue."""
    PUBLISH_VOTE_OUTCOME = "publish_vote_outcome_from_venue"
    """A venue publishes the outcome of a vote."""
    GIFT_TOKEN = "gift_token"
    """An agent gives a token away."""
    SEND_CHAT_MESSAGE = "send_chat_message"
    """An agent says something in a channel."""
    PUBLISH_ANNOUNCEMENT = "publish_announcement"
    """An agent announces something in a channel."""
