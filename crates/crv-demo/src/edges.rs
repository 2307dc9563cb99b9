//! The graph in an agent's mind: the rows of `identity_edges`, each kind with the slots it needs.

use std::sync::Arc;

use crv_core::grammar::RepresentationEdgeKind as Kind;

use super::agents::World;
use super::decisions::Thought;

/// One edge as one agent holds it.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    pub(super) observer: usize,
    pub(super) kind: Kind,
    pub(super) subject: Option<Arc<str>>,
    pub(super) object: Option<Arc<str>>,
    pub(super) related: Option<Arc<str>>,
    pub(super) token: Option<Arc<str>>,
    pub(super) weight: f64,
}

impl Edge {
    /// Which way the edge pulls: -1, 0 or 1.
    pub(super) fn sign(&self) -> i64 {
        if self.weight > 0.0 {
            1
        } else if self.weight < 0.0 {
            -1
        } else {
            0
        }
    }

    fn new(observer: usize, kind: Kind, weight: f64) -> Self {
        Edge { observer, kind, subject: None, object: None, related: None, token: None, weight }
    }

    fn subject(mut self, name: Arc<str>) -> Self {
        self.subject = Some(name);
        self
    }

    fn object(mut self, name: Arc<str>) -> Self {
        self.object = Some(name);
        self
    }

    fn related(mut self, name: Arc<str>) -> Self {
        self.related = Some(name);
        self
    }

    fn token(mut self, name: Arc<str>) -> Self {
        self.token = Some(name);
        self
    }
}

/// The part of the graph that a thought touched.
pub(super) fn touched(world: &World, thought: &Thought, edges: &mut Vec<Edge>) {
    let Thought { agent: me, token, .. } = *thought;
    let person = &world.agents[me];
    let held = person.attachment[token];
    let edge = |kind, weight| Edge::new(me, kind, weight);

    let anchor = if person.mood < 0.0 { Kind::SelfToNegativeValence } else { Kind::SelfToPositiveValence };
    edges.push(edge(anchor, person.mood.abs()));
    edges.push(edge(Kind::SelfToObject, held).subject(world.agent(me)).token(world.token(token)));
    let trace = if held < 0.0 { Kind::ObjectToNegativeValence } else { Kind::ObjectToPositiveValence };
    edges.push(edge(trace, held.abs()).token(world.token(token)));

    for (other, estimate) in thought.estimates.iter().enumerate() {
        if estimate.is_some() && other != token {
            // Two tokens thought of together belong together as far as one feels alike about them.
            let likeness = 1.0 - (held - person.attachment[other]).abs();
            let association = edge(Kind::ObjectToObject, likeness);
            edges.push(association.subject(world.token(token)).object(world.token(other)));
        }
    }

    if let Some(foe) = person.coldest().filter(|tie| tie.strength < 0.0) {
        let dislike = edge(Kind::AgentToNegativeValence, foe.strength.abs());
        edges.push(dislike.subject(world.agent(foe.other)));
    }

    let Some(tie) = person.closest() else { return };
    let (friend, strength) = (tie.other, tie.strength);
    edges.push(edge(Kind::SelfToAgent, strength).subject(world.agent(me)).object(world.agent(friend)));
    if strength > 0.0 {
        edges.push(edge(Kind::AgentToPositiveValence, strength).subject(world.agent(friend)));
    }
    let theirs = world.agents[friend].attachment[token];
    edges.push(edge(Kind::AgentToObject, theirs).subject(world.agent(friend)).token(world.token(token)));

    // What the friend's own ties look like from here, and whom one suspects of pulling together.
    for seen in world.agents[friend].ties.iter().filter(|seen| seen.other != me).take(2) {
        let alliance = edge(Kind::AgentToAgent, seen.strength);
        edges.push(alliance.subject(world.agent(friend)).object(world.agent(seen.other)));
        let together = seen.strength * theirs * world.agents[seen.other].attachment[token];
        let coalition = edge(Kind::AgentPairToObject, together);
        edges.push(
            coalition.subject(world.agent(friend)).related(world.agent(seen.other)).token(world.token(token)),
        );
    }
}
