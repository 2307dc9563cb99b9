//! What agents hold, at weighted average cost. Rows of `holdings` and `holdings_valuation`.

use crv_core::schema::{HoldingsRow, HoldingsValuationRow};

use crate::Simulation;
use crate::agents::{MONEY, TOKENS, name};

/// The units of a token that an agent holds, their cost, and the profit of the units that it gave away.
#[derive(Clone, Debug)]
pub(crate) struct Position {
    pub(crate) quantity: i64,
    pub(crate) cost: f64,
    pub(crate) realized: f64,
}

impl Position {
    /// The average cost of one unit, if there is one.
    pub(crate) fn average_cost(&self) -> Option<f64> {
        (self.quantity > 0).then(|| self.cost / self.quantity as f64)
    }

    /// Adds units that cost `cost` together.
    pub(crate) fn take(&mut self, quantity: i64, cost: f64) {
        self.quantity += quantity;
        self.cost += cost;
    }

    /// Removes units for `proceeds`; what exceeds their average cost is profit.
    pub(crate) fn give(&mut self, quantity: i64, proceeds: f64) {
        let cost = self.average_cost().unwrap_or(0.0) * quantity as f64;
        self.quantity -= quantity;
        self.realized += proceeds - cost;
        // Without units there is no cost, whatever the rounding left.
        self.cost = if self.quantity == 0 { 0.0 } else { self.cost - cost };
    }
}

impl Simulation {
    /// Records what every agent holds after the tick, also 0 units; tokens are valued at the price of the last trade.
    pub(crate) fn count_holdings(&mut self) {
        for (index, agent) in self.agents.iter().enumerate() {
            let held = agent.positions.iter().map(|held| held.quantity).chain([agent.coins]);
            for (token, quantity) in TOKENS.into_iter().chain([MONEY]).zip(held) {
                let (agent_id, token_id) = (name(index), token.to_owned());
                self.rows.push(&HoldingsRow { tick: self.tick, agent_id, token_id, quantity });
            }
            for ((token, held), book) in TOKENS.into_iter().zip(&agent.positions).zip(&self.books) {
                let mark_value = (held.quantity * book.price) as f64;
                self.rows.push(&HoldingsValuationRow {
                    tick: self.tick,
                    agent_id: name(index),
                    token_id: token.to_owned(),
                    quantity: held.quantity,
                    avg_unit_cost: held.average_cost(),
                    cost_value: Some(held.cost),
                    mark_price: Some(book.price as f64),
                    mark_value: Some(mark_value),
                    realized_pnl: Some(held.realized),
                    unrealized_pnl: Some(mark_value - held.cost),
                    price_source: Some("last_trade".to_owned()),
                    accounting_method: Some("wac".to_owned()),
                });
            }
        }
    }
}
