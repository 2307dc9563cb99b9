//! The built-in simulation of `crv demo`: agents talk, decide and trade, and fill all eight tables in every tick.
//!
//! # A map
//!
//! [`Simulation`] has the whole state. Each module is a part of [`Simulation::step`], and makes the rows of its tables:
//!
//! - `agents`: agents, what they own, and what they feel.
//! - `decisions`, `oracle`: what an agent can do, and what it prefers; what it sees then, and what it asks.
//! - `market`, `messages`: what it does. Only `market` moves units and coins.
//! - `edges`, `holdings`: the part of its representation that the decision touched; holdings after the tick.
//! - `rows`: the rows of one tick, and their conversion to frames.
//!
//! # What holds
//!
//! - Every table has rows in every tick, and every row obeys the rules of its table.
//! - Units and coins are neither made nor lost.
//! - The fields of payloads differ from tick to tick.
//! - The same seed gives the same rows, in the same version of this crate.
//!
//! # What this crate does not do
//!
//! It stores nothing: the caller appends the frames. It is an example, and no model of anything.

mod agents;
mod decisions;
mod edges;
mod holdings;
mod market;
mod messages;
mod oracle;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use crv_core::grammar::TableName;
use crv_core::schema::RowTick;
use crv_schema::Frame;
use crv_schema::rows::RowsError;
use fastrand::Rng;

use agents::{Agent, PerToken, TOKENS};
use market::Book;
use messages::Audience;
use rows::Rows;

/// The simulation between two ticks.
#[derive(Clone, Debug)]
pub struct Simulation {
    rng: Rng,
    /// The next tick, or the current one within a step.
    tick: RowTick,
    agents: Vec<Agent>,
    books: PerToken<Book>,
    /// How many orders were posted.
    orders: i64,
    /// The questions that the oracle answers from its cache, which is emptied every 50 ticks.
    asked: HashSet<[String; 3]>,
    /// The rows of the current tick.
    rows: Rows,
}

impl Simulation {
    /// A simulation of this many agents, at least two, before tick 0.
    pub fn new(seed: u64, agents: usize) -> Self {
        let mut rng = Rng::with_seed(seed);
        let count = agents.max(2);
        let agents = (0..count).map(|index| Agent::new(&mut rng, index, count)).collect();
        let books = std::array::from_fn(|_| Book::new());
        let (tick, asked, rows) = (RowTick::default(), HashSet::new(), Rows::default());
        Self { rng, tick, agents, books, orders: 0, asked, rows }
    }

    /// Simulates one tick, and returns its rows: every table, in registry order, without the column `bucket`.
    pub fn step(&mut self) -> Result<Vec<(TableName, Frame)>, RowsError> {
        for agent in &mut self.agents {
            agent.drift(&mut self.rng);
        }
        let mut active: Vec<usize> = (0..self.agents.len()).collect();
        self.rng.shuffle(&mut active);
        active.truncate(self.rng.usize(active.len() / 2..=active.len()));
        for agent in active {
            self.withdraw_orders(agent);
            let (token, choice, act) = self.decide(agent);
            self.ask(agent, token, &choice);
            act(self);
            self.touch_edges(agent, token);
        }
        // An announcement, so that no tick is without messages.
        let turn = self.tick.get() as usize;
        self.speak(turn % self.agents.len(), turn % TOKENS.len(), Audience::Everyone);
        self.close_market();
        if self.tick.get() % 50 == 0 {
            self.asked.clear();
        }
        self.count_holdings();
        // Saturates: there is no tick after the last `i64`.
        self.tick = RowTick::new(self.tick.get().saturating_add(1)).unwrap_or(self.tick);
        std::mem::take(&mut self.rows).into_frames()
    }
}
