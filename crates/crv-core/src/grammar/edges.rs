//! The kinds of edges: of agents' representations, and of the world.

use super::vocabulary::vocabulary;

vocabulary! {
    /// The kind of an edge of an agent's representation. `i` is the observing agent, `j`, `k` and `l` are
    /// other agents, `o` and `p` are tokens.
    RepresentationEdgeKind, "edge kind" {
        /// `s+_i`: the self's positive anchor.
        SelfToPositiveValence = "self_to_positive_valence", "SELF_TO_POSITIVE_VALENCE";
        /// `s-_i`: the self's negative anchor.
        SelfToNegativeValence = "self_to_negative_valence", "SELF_TO_NEGATIVE_VALENCE";
        /// `s_i,o`: attachment to a token, endowment.
        SelfToObject = "self_to_object", "SELF_TO_OBJECT";
        /// `a_i,j`: the primitive tie between self and another agent.
        SelfToAgent = "self_to_agent", "SELF_TO_AGENT";
        /// `u+_i,j`: good feeling toward another agent.
        AgentToPositiveValence = "agent_to_positive_valence", "AGENT_TO_POSITIVE_VALENCE";
        /// `u-_i,j`: bad feeling toward another agent.
        AgentToNegativeValence = "agent_to_negative_valence", "AGENT_TO_NEGATIVE_VALENCE";
        /// `b_i,j,o`: another agent's stance on a token, as the observer sees it.
        AgentToObject = "agent_to_object", "AGENT_TO_OBJECT";
        /// `d_i,k,l`: alliance or rivalry of two others, as the observer sees it.
        AgentToAgent = "agent_to_agent", "AGENT_TO_AGENT";
        /// `q_i,k,l,o`: a coalition of two others on a token, as the observer sees it.
        AgentPairToObject = "agent_pair_to_object", "AGENT_PAIR_TO_OBJECT";
        /// `r+_i,o`: the good trace a token left.
        ObjectToPositiveValence = "object_to_positive_valence", "OBJECT_TO_POSITIVE_VALENCE";
        /// `r-_i,o`: the bad trace a token left.
        ObjectToNegativeValence = "object_to_negative_valence", "OBJECT_TO_NEGATIVE_VALENCE";
        /// `c_i,o,p`: association of two tokens.
        ObjectToObject = "object_to_object", "OBJECT_TO_OBJECT";
    }
}

vocabulary! {
    /// The kind of an edge of the world. These are never stored in `identity_edges`.
    TopologyEdgeKind, "topology edge kind" {
        /// Two agents are neighbours.
        IsNeighbor = "is_neighbor", "IS_NEIGHBOR";
        /// One agent follows another.
        Follows = "follows", "FOLLOWS";
        /// An agent is in a group.
        InGroup = "in_group", "IN_GROUP";
        /// Two rooms are connected.
        ConnectsRoom = "connects_room", "CONNECTS_ROOM";
    }
}

impl RepresentationEdgeKind {
    /// The columns of `identity_edges` that must have a non-empty value for this kind, in table order.
    ///
    /// ```
    /// use crv_core::grammar::RepresentationEdgeKind;
    ///
    /// assert_eq!(RepresentationEdgeKind::AgentToObject.required_slots(), ["subject_id", "token_id"]);
    /// assert!(RepresentationEdgeKind::SelfToPositiveValence.required_slots().is_empty());
    /// ```
    pub const fn required_slots(self) -> &'static [&'static str] {
        match self {
            Self::SelfToPositiveValence | Self::SelfToNegativeValence => &[],
            Self::SelfToObject | Self::AgentToObject => &["subject_id", "token_id"],
            Self::SelfToAgent | Self::AgentToAgent | Self::ObjectToObject => &["subject_id", "object_id"],
            Self::AgentToPositiveValence | Self::AgentToNegativeValence => &["subject_id"],
            Self::AgentPairToObject => &["subject_id", "related_agent_id", "token_id"],
            Self::ObjectToPositiveValence | Self::ObjectToNegativeValence => &["token_id"],
        }
    }
}
