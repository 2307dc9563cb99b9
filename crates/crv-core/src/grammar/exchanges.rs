//! [`ExchangeKind`]: events of ownership and opinion.

use super::vocabulary::vocabulary;

vocabulary! {
    /// The kind of an event in the `exchange` table.
    ExchangeKind, "exchange kind" {
        /// A trade was settled.
        Trade = "trade", "TRADE";
        /// An order was posted.
        OrderPost = "order_post", "ORDER_POST";
        /// An order was taken back.
        OrderCancel = "order_cancel", "ORDER_CANCEL";
        /// One token was swapped for another.
        Swap = "swap", "SWAP";
        /// A token was given away.
        Gift = "gift", "GIFT";
        /// An exchange between two agents was offered.
        PeerOffer = "peer_offer", "PEER_OFFER";
        /// The offer was taken.
        PeerAccept = "peer_accept", "PEER_ACCEPT";
        /// The offer was refused.
        PeerReject = "peer_reject", "PEER_REJECT";
        /// A vote was cast.
        CastVote = "cast_vote", "CAST_VOTE";
        /// The outcome of a vote was published.
        VoteOutcome = "vote_outcome", "VOTE_OUTCOME";
    }
}
