//! The part of an agent's representation that a decision touches. Rows of `identity_edges`.

use crv_core::grammar::RepresentationEdgeKind as Kind;
use crv_core::schema::IdentityEdgeFields;

use crate::Simulation;
use crate::agents::{TOKENS, name};

impl Simulation {
    /// Records the edges that the decision of an agent about a token touched, as they are after the action.
    pub(crate) fn touch_edges(&mut self, agent: usize, token: usize) {
        let (me, my_name, token_id) = (&self.agents[agent], name(agent), TOKENS[token]);
        let mut add = |edge_kind: Kind, edge_weight: f64, slots: [Option<&str>; 4]| {
            let [subject_id, object_id, related_agent_id, token_id] = slots.map(|id| id.map(str::to_owned));
            self.rows.push(&IdentityEdgeFields {
                tick: self.tick,
                observer_agent_id: my_name.clone(),
                edge_kind,
                subject_id,
                object_id,
                related_agent_id,
                token_id,
                edge_weight,
                edge_sign: Some(i64::from(edge_weight > 0.0) - i64::from(edge_weight < 0.0)),
            });
        };
        let anchor = if me.mood < 0.0 { Kind::SelfToNegativeValence } else { Kind::SelfToPositiveValence };
        add(anchor, me.mood.abs(), [None; 4]);
        let held = me.attachment[token];
        add(Kind::SelfToObject, held, [Some(&my_name), None, None, Some(token_id)]);
        let trace = if held < 0.0 { Kind::ObjectToNegativeValence } else { Kind::ObjectToPositiveValence };
        add(trace, held.abs(), [None, None, None, Some(token_id)]);
        for other in (0..TOKENS.len()).filter(|other| *other != token && me.positions[*other].quantity > 0) {
            let alike = 1.0 - (held - me.attachment[other]).abs();
            add(Kind::ObjectToObject, alike, [Some(token_id), Some(TOKENS[other]), None, None]);
        }

        let Some((friend, tie)) = me.closest() else { return };
        let (friend, friend_name) = (&self.agents[friend], name(friend));
        let (theirs, friend_id) = (friend.attachment[token], Some(friend_name.as_str()));
        add(Kind::SelfToAgent, tie, [Some(&my_name), friend_id, None, None]);
        let feeling = if tie < 0.0 { Kind::AgentToNegativeValence } else { Kind::AgentToPositiveValence };
        add(feeling, tie.abs(), [friend_id, None, None, None]);
        add(Kind::AgentToObject, theirs, [friend_id, None, None, Some(token_id)]);
        // Whom the closest agent is allied with, and what the two of them think of the token.
        for (other, alliance) in friend.ties.iter().filter(|(other, _)| **other != agent).take(2) {
            let other_name = name(*other);
            add(Kind::AgentToAgent, *alliance, [friend_id, Some(&other_name), None, None]);
            let together = alliance * theirs * self.agents[*other].attachment[token];
            add(Kind::AgentPairToObject, together, [friend_id, None, Some(&other_name), Some(token_id)]);
        }
    }
}
