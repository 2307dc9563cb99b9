//! The people of the little world: what they own, whom they know, how they feel.

use std::sync::Arc;

use super::position::Position;

/// The tokens people hold and talk about.
pub(super) const TOKENS: [&str; 4] = ["Alpha", "Beta", "Gamma", "Delta"];

/// What tokens are paid with. It is held like a token, but nobody has an opinion about it.
pub(super) const MONEY: &str = "Coin";

/// One value for each of [`TOKENS`].
pub(super) type PerToken<T> = [T; TOKENS.len()];

/// The price in coins around which the market begins, and to which opinion pulls it back.
pub(super) const USUAL_PRICE: f64 = 100.0;

const GROUPS: [&str; 3] = ["weavers", "potters", "millers"];

/// What one agent feels for another, in [-1, 1].
#[derive(Debug, Clone)]
pub(super) struct Tie {
    pub(super) other: usize,
    pub(super) strength: f64,
}

/// One person.
#[derive(Debug, Clone)]
pub(super) struct Agent {
    pub(super) name: Arc<str>,
    pub(super) group: &'static str,
    pub(super) coins: i64,
    pub(super) positions: PerToken<Position>,
    /// Attachment to each token, in [-1, 1].
    pub(super) attachment: PerToken<f64>,
    pub(super) ties: Vec<Tie>,
    /// In [-1, 1]; below zero is a bad day.
    pub(super) mood: f64,
    /// How readily this person speaks up, in [0, 1].
    pub(super) boldness: f64,
}

impl Agent {
    /// The strongest tie, whether of love or of hate.
    pub(super) fn closest(&self) -> Option<&Tie> {
        self.ties.iter().max_by(|a, b| a.strength.abs().total_cmp(&b.strength.abs()))
    }

    /// The tie with the least love in it.
    pub(super) fn coldest(&self) -> Option<&Tie> {
        self.ties.iter().min_by(|a, b| a.strength.total_cmp(&b.strength))
    }

    /// What this agent feels for another; 0 for a stranger.
    pub(super) fn feels_for(&self, other: usize) -> f64 {
        self.ties.iter().find(|tie| tie.other == other).map_or(0.0, |tie| tie.strength)
    }

    /// Warms (or, below zero, cools) the tie to another, if there is one.
    pub(super) fn warm_to(&mut self, other: usize, by: f64) {
        if let Some(tie) = self.ties.iter_mut().find(|tie| tie.other == other) {
            tie.strength = (tie.strength + by).clamp(-1.0, 1.0);
        }
    }

    /// Grows fonder of a token (or, below zero, tires of it).
    pub(super) fn incline_to(&mut self, token: usize, by: f64) {
        self.attachment[token] = (self.attachment[token] + by).clamp(-1.0, 1.0);
    }
}

/// Everybody.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) agents: Vec<Agent>,
    tokens: PerToken<Arc<str>>,
}

impl World {
    /// Settles `agents` people, two at least: one alone has nobody to trade with.
    pub(super) fn new(rng: &mut fastrand::Rng, agents: usize) -> Self {
        let count = agents.max(2);
        let agents = (0..count).map(|index| settle(rng, index, count)).collect();
        World { agents, tokens: TOKENS.map(Arc::from) }
    }

    /// The name of a token, to be shared.
    pub(super) fn token(&self, token: usize) -> Arc<str> {
        Arc::clone(&self.tokens[token])
    }

    /// The name of an agent, to be shared.
    pub(super) fn agent(&self, agent: usize) -> Arc<str> {
        Arc::clone(&self.agents[agent].name)
    }

    /// Feelings fade and wander a little from one tick to the next.
    pub(super) fn pass_time(&mut self, rng: &mut fastrand::Rng) {
        for agent in &mut self.agents {
            agent.mood = (0.9 * agent.mood + 0.2 * spread(rng)).clamp(-1.0, 1.0);
            for attachment in &mut agent.attachment {
                *attachment = (0.99 * *attachment + 0.06 * spread(rng)).clamp(-1.0, 1.0);
            }
            for tie in &mut agent.ties {
                tie.strength = (0.995 * tie.strength + 0.02 * spread(rng)).clamp(-1.0, 1.0);
            }
        }
    }
}

/// A number spread evenly over [-1, 1).
pub(super) fn spread(rng: &mut fastrand::Rng) -> f64 {
    rng.f64() * 2.0 - 1.0
}

fn settle(rng: &mut fastrand::Rng, index: usize, count: usize) -> Agent {
    let mut known: Vec<usize> = Vec::new();
    // Two neighbours on either side of the ring, and one acquaintance anywhere.
    for other in [index + 1, index + 2, index + count - 1, index + count - 2, rng.usize(..count)] {
        let other = other % count;
        if other != index && !known.contains(&other) {
            known.push(other);
        }
    }
    Agent {
        name: Arc::from(format!("A{index}")),
        group: GROUPS[index % GROUPS.len()],
        coins: rng.i64(1_500..3_000),
        positions: std::array::from_fn(|_| {
            let quantity = rng.i64(0..12);
            Position::bought(quantity, quantity as f64 * USUAL_PRICE)
        }),
        attachment: std::array::from_fn(|_| spread(rng)),
        ties: known.into_iter().map(|other| Tie { other, strength: 0.3 + 0.5 * spread(rng) }).collect(),
        mood: 0.3 * spread(rng),
        boldness: rng.f64(),
    }
}
