//! Agents: what they own, whom they know, and how they feel.

use std::collections::BTreeMap;

use fastrand::Rng;

use crate::holdings::Position;
use crate::market::USUAL_PRICE;

/// The tokens that agents hold and talk about.
pub(crate) const TOKENS: [&str; 4] = ["Alpha", "Beta", "Gamma", "Delta"];

/// The token that the others are paid with.
pub(crate) const MONEY: &str = "Coin";

/// One value for each of [`TOKENS`].
pub(crate) type PerToken<T> = [T; TOKENS.len()];

/// One agent. Feelings are from -1, bad, to 1.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) group: &'static str,
    pub(crate) coins: i64,
    pub(crate) positions: PerToken<Position>,
    /// What the agent feels for each token.
    pub(crate) attachment: PerToken<f64>,
    /// What the agent feels for the others that it knows, at least one.
    pub(crate) ties: BTreeMap<usize, f64>,
    pub(crate) mood: f64,
    /// The readiness to speak and to vote, from 0 to 1.
    pub(crate) boldness: f64,
}

impl Agent {
    /// The agent with this index among `count`, at least two. It knows its neighbours on a ring, and one more agent.
    pub(crate) fn new(rng: &mut Rng, index: usize, count: usize) -> Self {
        let steps = [1, 2, count - 2, count - 1, rng.usize(..count)];
        let others = steps.map(|step| (index + step) % count).into_iter().filter(|other| *other != index);
        Self {
            group: ["weavers", "potters", "millers"][index % 3],
            coins: rng.i64(1_500..3_000),
            positions: std::array::from_fn(|_| {
                let quantity = rng.i64(0..12);
                Position { quantity, cost: (quantity * USUAL_PRICE) as f64, realized: 0.0 }
            }),
            attachment: std::array::from_fn(|_| spread(rng)),
            ties: others.map(|other| (other, 0.3 + 0.5 * spread(rng))).collect(),
            mood: 0.3 * spread(rng),
            boldness: rng.f64(),
        }
    }

    /// Moves every feeling a little towards 0, and at random.
    pub(crate) fn drift(&mut self, rng: &mut Rng) {
        let mut drift = |feeling: &mut f64, kept: f64, noise: f64| {
            *feeling = (kept * *feeling + noise * spread(rng)).clamp(-1.0, 1.0);
        };
        drift(&mut self.mood, 0.9, 0.2);
        self.attachment.iter_mut().for_each(|feeling| drift(feeling, 0.99, 0.06));
        self.ties.values_mut().for_each(|feeling| drift(feeling, 0.995, 0.02));
    }

    /// The other agent with the strongest tie, positive or negative, and the tie.
    pub(crate) fn closest(&self) -> Option<(usize, f64)> {
        let ties = self.ties.iter().map(|(other, feeling)| (*other, *feeling));
        ties.max_by(|(_, a), (_, b)| a.abs().total_cmp(&b.abs()))
    }
}

/// The id of an agent.
pub(crate) fn name(agent: usize) -> String {
    format!("A{agent}")
}

/// A random number from -1 to 1.
pub(crate) fn spread(rng: &mut Rng) -> f64 {
    rng.f64() * 2.0 - 1.0
}
