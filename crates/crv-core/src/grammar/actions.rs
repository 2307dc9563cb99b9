//! [`ActionKind`]: the actions of agents.

use super::vocabulary::vocabulary;

vocabulary! {
    /// The kind of an agent's action in a tick.
    ActionKind, "action kind" {
        /// An agent takes hold of a token.
        AcquireToken = "acquire_token", "ACQUIRE_TOKEN";
        /// An agent lets go of a token.
        RelinquishToken = "relinquish_token", "RELINQUISH_TOKEN";
        /// An agent relates to another, positively or negatively.
        RelateAgent = "relate_agent", "RELATE_AGENT";
        /// An agent says how two others relate.
        RelateOtherAgents = "relate_other_agents", "RELATE_OTHER_AGENTS";
        /// An agent speaks for or against a token.
        EndorseToken = "endorse_token", "ENDORSE_TOKEN";
        /// An agent says that two others stand together on a token.
        CoendorseTokenWithAgents = "coendorse_token_with_agents", "COENDORSE_TOKEN_WITH_AGENTS";
        /// An agent shows a signal about a token.
        ExposeSignalAboutToken = "expose_signal_about_token", "EXPOSE_SIGNAL_ABOUT_TOKEN";
        /// Two tokens are said to belong together.
        DeclareCooccurrence = "declare_cooccurrence_between_tokens", "DECLARE_COOCCURRENCE";
        /// An agent offers another an exchange.
        ProposePeerExchange = "propose_peer_exchange", "PROPOSE_PEER_EXCHANGE";
        /// The other agent takes the offer.
        AcceptPeerExchange = "accept_peer_exchange", "ACCEPT_PEER_EXCHANGE";
        /// The other agent refuses the offer.
        RejectPeerExchange = "reject_peer_exchange", "REJECT_PEER_EXCHANGE";
        /// An accepted exchange is carried out.
        SettlePeerExchange = "settle_peer_exchange", "SETTLE_PEER_EXCHANGE";
        /// An agent posts an order at a venue.
        PostOrderToVenue = "post_order_to_venue", "POST_ORDER_TO_VENUE";
        /// An agent takes its order back.
        CancelOrderAtVenue = "cancel_order_at_venue", "CANCEL_ORDER_AT_VENUE";
        /// A venue settles a trade between two agents.
        SettleTradeFromVenue = "settle_trade_from_venue", "SETTLE_TRADE_FROM_VENUE";
        /// An agent swaps one token for another at a venue.
        SwapAtVenue = "swap_at_venue", "SWAP_AT_VENUE";
        /// An agent votes on a token at a venue.
        CastVoteAtVenue = "cast_vote_at_venue", "CAST_VOTE_AT_VENUE";
        /// A venue publishes the outcome of a vote.
        PublishVoteOutcome = "publish_vote_outcome_from_venue", "PUBLISH_VOTE_OUTCOME";
        /// An agent gives a token away.
        GiftToken = "gift_token", "GIFT_TOKEN";
        /// An agent says something in a channel.
        SendChatMessage = "send_chat_message", "SEND_CHAT_MESSAGE";
        /// An agent announces something in a channel.
        PublishAnnouncement = "publish_announcement", "PUBLISH_ANNOUNCEMENT";
    }
}
