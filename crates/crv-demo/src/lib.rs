//! The built-in simulation behind `crv demo`: a little world whose people talk, feel, decide and trade.
//!
//! One [`step`](Simulation::step) is one tick, and gives rows for all eight canonical tables. It is small and it is
//! not a model of anything; but its rows obey every rule, units and coins are neither made nor lost, and its
//! payloads differ from tick to tick as those of a real model do. The same seed gives the same rows.
//!
//! Who is who: [`agents`] has the people, [`decisions`] makes up their minds, [`market`], [`messages`] and [`oracle`] are what
//! they act through, [`scenarios`] and [`edges`] are what they see and feel, and [`tables`] turns it all into Arrow.

mod agents;
mod columns;
mod decisions;
mod edges;
mod event;
mod market;
mod messages;
mod oracle;
mod position;
mod scenarios;
mod tables;
#[cfg(test)]
mod tests;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use crv_core::grammar::TableName;

use agents::World;
use decisions::{Intent, Thought};
use market::Market;
use oracle::Oracle;
use tables::Records;

/// The share of people who think of the market in a given tick.
const AWAKE: f64 = 0.6;

/// A run of the little world, from its first tick on.
#[derive(Debug, Clone)]
pub struct Simulation {
    rng: fastrand::Rng,
    tick: i64,
    world: World,
    market: Market,
    oracle: Oracle,
}

impl Simulation {
    /// A world of `agents` people, two at least, in the state it has before tick 0.
    pub fn new(seed: u64, agents: usize) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let world = World::new(&mut rng, agents);
        Simulation { rng, tick: 0, world, market: Market::new(), oracle: Oracle::default() }
    }

    /// Lives through one tick; every table has rows, and every row this tick's number.
    pub fn step(&mut self) -> Result<Vec<(TableName, RecordBatch)>, ArrowError> {
        self.world.pass_time(&mut self.rng);
        self.market.open(self.tick);
        let mut records = Records::default();
        for agent in self.awake() {
            let thought = decisions::consider(&mut self.rng, &self.world, &self.market, agent);
            let scene = scenarios::behold(&self.world, &self.market, &thought)?;
            records.calls.push(self.oracle.ask(&mut self.rng, &self.world, &thought, &scene)?);
            records.scenes.push(scene);
            self.act(&thought, &mut records);
            edges::touched(&self.world, &thought, &mut records.edges);
            records.thoughts.push(thought);
        }
        self.market.close();
        records.messages.push(messages::herald(&self.world, &self.market, self.tick));
        records.events = std::mem::take(&mut self.market.events);
        let batches = records.batches(self.tick, &self.world, &self.market)?;
        self.tick += 1;
        Ok(batches)
    }

    /// Who acts in this tick, in the order in which they do: one at least.
    fn awake(&mut self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.world.agents.len()).collect();
        self.rng.shuffle(&mut order);
        let first = order[0];
        order.retain(|&agent| agent == first || self.rng.f64() < AWAKE);
        order
    }

    fn act(&mut self, thought: &Thought, records: &mut Records) {
        let Thought { agent, token, .. } = *thought;
        let (world, market) = (&mut self.world, &mut self.market);
        let Some(choice) = thought.choice() else { return };
        match choice.intent {
            Intent::Order { side, quantity, limit } => {
                market.post(world, agent, token, side, quantity, limit);
            }
            Intent::Swap { with, wanted } => market.swap(world, agent, with, token, wanted),
            Intent::Gift { to } => market.gift(world, agent, to, token),
            Intent::Endorse { polarity } => {
                records.messages.push(messages::endorse(world, agent, token, polarity));
            }
            Intent::Chat { to, stance } => {
                records.messages.push(messages::whisper(world, agent, to, token, stance));
            }
            Intent::Vote { stance } => market.vote(agent, token, stance),
        }
    }
}
