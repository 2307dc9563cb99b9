//! The venue: an order book for each token, swaps, gifts and votes. Units and coins move only here. Rows of `exchange`.

use crv_core::grammar::ExchangeKind;
use crv_core::schema::{ExchangeRow, Side};
use serde_json::{Value, json};

use crate::Simulation;
use crate::agents::{TOKENS, name};
use crate::rows::object;

pub(crate) const VENUE: &str = "plaza";

/// The price of every token before tick 0, in coins. Prices return to it.
pub(crate) const USUAL_PRICE: i64 = 100;

/// How many ticks an order waits at most.
pub(crate) const ORDER_TTL: i64 = 4;

/// How many units an order is for at most.
pub(crate) const ORDER_SIZE: i64 = 4;

/// The market of one token.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    /// The price of the last trade.
    pub(crate) price: i64,
    /// The value of the token by its trades and votes.
    pub(crate) baseline: f64,
    /// The units traded in this tick.
    pub(crate) volume: i64,
    /// The votes of this tick: their number, and the sum of their stances.
    votes: (i64, f64),
    /// The waiting orders of each side, best first.
    orders: Vec<Order>,
}

/// An order, its limit in coins for each unit.
#[derive(Clone, Copy, Debug)]
struct Order {
    id: i64,
    agent: usize,
    side: Side,
    quantity: i64,
    limit: i64,
    expires: i64,
}

impl Order {
    /// Lower is better for the other side.
    fn rank(&self) -> i64 {
        if self.side == Side::Buy { -self.limit } else { self.limit }
    }

    /// Returns whether the two can trade.
    fn meets(&self, other: &Order) -> bool {
        self.side != other.side && self.rank() + other.rank() <= 0
    }
}

impl Book {
    /// The book before tick 0.
    pub(crate) fn new() -> Self {
        Self { price: USUAL_PRICE, baseline: USUAL_PRICE as f64, volume: 0, votes: (0, 0.0), orders: vec![] }
    }

    /// The best limit of the waiting orders on one side.
    pub(crate) fn best(&self, side: Side) -> Option<i64> {
        self.orders.iter().find(|order| order.side == side).map(|order| order.limit)
    }
}

impl Simulation {
    /// Withdraws expired orders, and all orders of an agent that is about to act: an agent can always cover its orders.
    pub(crate) fn withdraw_orders(&mut self, agent: usize) {
        for token in 0..TOKENS.len() {
            let is_out = |order: &mut Order| order.agent == agent || order.expires <= self.tick.get();
            for order in self.books[token].orders.extract_if(.., is_out).collect::<Vec<_>>() {
                let reason = if order.agent == agent { "replaced" } else { "expired" };
                let payload = json!({"order_id": order.id, "reason": reason});
                self.record_order(ExchangeKind::OrderCancel, token, order, payload);
            }
        }
    }

    /// Posts an order that the agent can cover, trades with waiting orders, and lets the rest wait.
    pub(crate) fn post(&mut self, agent: usize, token: usize, side: Side, quantity: i64, limit: i64) {
        let (id, expires) = (self.orders, self.tick.get() + ORDER_TTL);
        self.orders += 1;
        let mut taker = Order { id, agent, side, quantity, limit, expires };
        self.record_order(ExchangeKind::OrderPost, token, taker, json!({"order_id": id, "ttl": ORDER_TTL}));
        while taker.quantity > 0
            && let Some(place) = self.books[token].orders.iter().position(|maker| maker.meets(&taker))
        {
            let waiting = &mut self.books[token].orders;
            let quantity = taker.quantity.min(waiting[place].quantity);
            taker.quantity -= quantity;
            waiting[place].quantity -= quantity;
            let maker = waiting[place];
            waiting.retain(|order| order.quantity > 0);
            self.trade(token, taker, maker, quantity);
        }
        if taker.quantity > 0 {
            self.books[token].orders.push(taker);
            self.books[token].orders.sort_by_key(|order| (order.rank(), order.id));
        }
    }

    /// Trades at the limit of the order that waited.
    fn trade(&mut self, token: usize, taker: Order, maker: Order, quantity: i64) {
        let (buyer, seller) = match taker.side {
            Side::Buy => (taker.agent, maker.agent),
            Side::Sell => (maker.agent, taker.agent),
        };
        let total = quantity * maker.limit;
        self.transfer(seller, buyer, token, quantity, total);
        self.agents[buyer].coins -= total;
        self.agents[seller].coins += total;
        self.books[token].price = maker.limit;
        self.books[token].volume += quantity;
        let terms = [Some(quantity as f64), Some(maker.limit as f64)];
        let agents = [Some(taker.agent), Some(maker.agent)];
        let payload = json!({"order_id": taker.id, "maker_order_id": maker.id, "total": total});
        self.record(ExchangeKind::Trade, token, Some(taker.side), terms, agents, payload);
    }

    /// Exchanges one unit of `token` for one of `wanted`; both agents have theirs.
    pub(crate) fn swap(&mut self, agent: usize, with: usize, token: usize, wanted: usize) {
        let value = self.books[token].price;
        self.transfer(agent, with, token, 1, value);
        self.transfer(with, agent, wanted, 1, value);
        let terms = [Some(1.0), Some(value as f64 / self.books[wanted].price as f64)];
        let payload = json!({"output_token_id": TOKENS[wanted], "output_quantity": 1});
        self.record(ExchangeKind::Swap, token, None, terms, [Some(agent), Some(with)], payload);
    }

    /// Gives one unit away; the agent has it.
    pub(crate) fn gift(&mut self, agent: usize, to: usize, token: usize) {
        self.transfer(agent, to, token, 1, 0);
        let payload = json!({"warmth": self.agents[agent].ties.get(&to)});
        self.record(ExchangeKind::Gift, token, None, [Some(1.0), None], [Some(agent), Some(to)], payload);
    }

    /// Casts a vote, which counts at the end of the tick.
    pub(crate) fn vote(&mut self, agent: usize, token: usize, stance: f64, label: &str) {
        let votes = &mut self.books[token].votes;
        *votes = (votes.0 + 1, votes.1 + stance);
        let payload = json!({"stance_label": label, "stance_value": stance});
        self.record(ExchangeKind::CastVote, token, None, [None; 2], [Some(agent), None], payload);
    }

    /// Ends a tick: trades and votes move the baselines, and the outcome of one token's vote is published.
    pub(crate) fn close_market(&mut self) {
        for token in 0..TOKENS.len() {
            let book = &mut self.books[token];
            let (ballots, sum) = std::mem::take(&mut book.votes);
            let opinion = sum / ballots.max(1) as f64;
            book.baseline = 0.8 * book.baseline + 0.1 * (book.price + USUAL_PRICE) as f64 + 2.0 * opinion;
            book.volume = 0;
            if self.tick.get() as usize % TOKENS.len() == token {
                let payload = json!({"ballots": ballots, "opinion": opinion});
                self.record(ExchangeKind::VoteOutcome, token, None, [None; 2], [None; 2], payload);
            }
        }
    }

    /// Moves units that are worth `value` together.
    fn transfer(&mut self, from: usize, to: usize, token: usize, quantity: i64, value: i64) {
        self.agents[from].positions[token].give(quantity, value as f64);
        self.agents[to].positions[token].take(quantity, value as f64);
    }

    fn record_order(&mut self, kind: ExchangeKind, token: usize, order: Order, payload: Value) {
        let terms = [Some(order.quantity as f64), Some(order.limit as f64)];
        self.record(kind, token, Some(order.side), terms, [Some(order.agent), None], payload);
    }

    fn record(
        &mut self,
        exchange_event_type: ExchangeKind,
        token: usize,
        side: Option<Side>,
        [quantity, price]: [Option<f64>; 2],
        [actor, counterparty]: [Option<usize>; 2],
        payload: Value,
    ) {
        self.rows.push(&ExchangeRow {
            tick: self.tick,
            venue_id: VENUE.to_owned(),
            token_id: TOKENS[token].to_owned(),
            exchange_event_type,
            side,
            quantity,
            price,
            actor_agent_id: actor.map(name),
            counterparty_agent_id: counterparty.map(name),
            baseline_value: Some(self.books[token].baseline),
            additional_payload: object(payload),
        });
    }
}
