//! The venue: an order book for each token, swaps, gifts and votes. Every unit and every coin that moves, moves here.

use crv_core::grammar::ExchangeKind;
use serde_json::json;

use super::agents::{PerToken, TOKENS, USUAL_PRICE, World};
use super::event::{Event, Side};

/// The one venue of this world.
pub(super) const VENUE: &str = "plaza";

/// How many ticks an order waits before it is withdrawn.
pub(super) const ORDER_TTL: i64 = 4;

/// An order that waits in the book, its limit in whole coins.
#[derive(Debug, Clone)]
pub(super) struct Order {
    id: i64,
    pub(super) agent: usize,
    pub(super) side: Side,
    pub(super) quantity: i64,
    pub(super) limit: i64,
    expires: i64,
}

/// The venue's state, and what has happened since the tick began.
#[derive(Debug, Clone)]
pub(super) struct Market {
    pub(super) last_price: PerToken<f64>,
    pub(super) baseline: PerToken<f64>,
    pub(super) volume: PerToken<i64>,
    pub(super) events: Vec<Event>,
    books: PerToken<Vec<Order>>,
    votes: PerToken<Vec<f64>>,
    next_order: i64,
    tick: i64,
}

impl Market {
    /// An empty book, at the usual price.
    pub(super) fn new() -> Self {
        Market {
            last_price: [USUAL_PRICE; TOKENS.len()],
            baseline: [USUAL_PRICE; TOKENS.len()],
            volume: [0; TOKENS.len()],
            events: Vec::new(),
            books: Default::default(),
            votes: Default::default(),
            next_order: 0,
            tick: 0,
        }
    }

    /// Begins a tick: withdraws what has waited too long.
    pub(super) fn open(&mut self, tick: i64) {
        self.tick = tick;
        self.volume = [0; TOKENS.len()];
        self.events.clear();
        for token in 0..TOKENS.len() {
            let (kept, expired) =
                std::mem::take(&mut self.books[token]).into_iter().partition(|order| order.expires > tick);
            self.books[token] = kept;
            for order in expired {
                self.withdraw(token, &order, "expired");
            }
        }
    }

    /// Ends a tick: the votes and the prices paid set each token's baseline, and one outcome is published.
    pub(super) fn close(&mut self) {
        for token in 0..TOKENS.len() {
            let ballots = std::mem::take(&mut self.votes[token]);
            let opinion = ballots.iter().sum::<f64>() / ballots.len().max(1) as f64;
            self.baseline[token] = 0.8 * self.baseline[token] + 0.2 * self.last_price[token] + 2.0 * opinion;
            if token == self.tick.rem_euclid(TOKENS.len() as i64) as usize {
                let payload = json!({"ballots": ballots.len(), "opinion": opinion});
                let mut event = Event::new(ExchangeKind::VoteOutcome, token, payload);
                event.baseline = Some(self.baseline[token]);
                self.events.push(event);
            }
        }
    }

    /// The best limit that waits on one side.
    pub(super) fn best(&self, token: usize, side: Side) -> Option<i64> {
        let limits = self.books[token].iter().filter(|order| order.side == side).map(|order| order.limit);
        match side {
            Side::Buy => limits.max(),
            Side::Sell => limits.min(),
        }
    }

    /// Posts an order, trades what can be traded at once and lets the rest wait.
    pub(super) fn post(
        &mut self,
        world: &mut World,
        agent: usize,
        token: usize,
        side: Side,
        quantity: i64,
        limit: i64,
    ) {
        let id = self.next_order;
        self.next_order += 1;
        let mut order = Order { id, agent, side, quantity, limit, expires: self.tick + ORDER_TTL };
        self.events.push(Event {
            side: Some(side),
            quantity: Some(quantity),
            price: Some(limit as f64),
            actor: Some(agent),
            ..Event::new(ExchangeKind::OrderPost, token, json!({"order_id": id, "ttl": ORDER_TTL}))
        });
        while order.quantity > 0 && self.fill(world, token, &mut order) {}
        if order.quantity > 0 {
            self.books[token].push(order);
        }
    }

    /// Trades with the best order that waits on the other side, if there is one; false when there is none.
    fn fill(&mut self, world: &mut World, token: usize, order: &mut Order) -> bool {
        let matching = self.books[token]
            .iter()
            .enumerate()
            .filter(|(_, waiting)| waiting.side != order.side && waiting.agent != order.agent)
            .filter(|(_, waiting)| match order.side {
                Side::Buy => waiting.limit <= order.limit,
                Side::Sell => waiting.limit >= order.limit,
            })
            .min_by_key(|(_, waiting)| match order.side {
                Side::Buy => (waiting.limit, waiting.id),
                Side::Sell => (-waiting.limit, waiting.id),
            })
            .map(|(place, _)| place);
        let Some(place) = matching else { return false };
        let waiting = self.books[token].remove(place);
        let (buyer, seller) = match order.side {
            Side::Buy => (order.agent, waiting.agent),
            Side::Sell => (waiting.agent, order.agent),
        };
        let affordable = world.agents[buyer].coins / waiting.limit;
        let owned = world.agents[seller].positions[token].quantity;
        let quantity = order.quantity.min(waiting.quantity).min(affordable).min(owned);
        if quantity == 0 {
            let order_can = match order.side {
                Side::Buy => affordable > 0,
                Side::Sell => owned > 0,
            };
            if order_can {
                // Whoever waits can no longer keep the promise; the next one may.
                self.withdraw(token, &waiting, "uncovered");
            } else {
                self.books[token].insert(place, waiting);
            }
            return order_can;
        }
        let total = quantity * waiting.limit;
        settle(world, token, buyer, seller, quantity, total);
        order.quantity -= quantity;
        self.last_price[token] = waiting.limit as f64;
        self.volume[token] += quantity;
        self.events.push(Event {
            side: Some(order.side),
            quantity: Some(quantity),
            price: Some(waiting.limit as f64),
            actor: Some(order.agent),
            counterparty: Some(waiting.agent),
            baseline: Some(self.baseline[token]),
            ..Event::new(
                ExchangeKind::Trade,
                token,
                json!({"order_id": order.id, "maker_order_id": waiting.id, "total": total}),
            )
        });
        if waiting.quantity > quantity {
            self.books[token].insert(place, Order { quantity: waiting.quantity - quantity, ..waiting });
        }
        true
    }

    /// One unit of `token` for one unit of `wanted`, if both still have theirs.
    pub(super) fn swap(&mut self, world: &mut World, agent: usize, with: usize, token: usize, wanted: usize) {
        let has = |agent: usize, token: usize| world.agents[agent].positions[token].quantity > 0;
        if agent == with || token == wanted || !has(agent, token) || !has(with, wanted) {
            return;
        }
        let value = self.last_price[token];
        for (giver, taker, token) in [(agent, with, token), (with, agent, wanted)] {
            world.agents[giver].positions[token].give(1, value);
            world.agents[taker].positions[token].take(1, value);
        }
        world.agents[with].warm_to(agent, 0.05);
        self.events.push(Event {
            quantity: Some(1),
            price: Some(self.last_price[token] / self.last_price[wanted]),
            actor: Some(agent),
            counterparty: Some(with),
            ..Event::new(
                ExchangeKind::Swap,
                token,
                json!({"output_token_id": TOKENS[wanted], "output_quantity": 1}),
            )
        });
    }

    /// One unit for nothing, if there still is one.
    pub(super) fn gift(&mut self, world: &mut World, agent: usize, to: usize, token: usize) {
        if agent == to || world.agents[agent].positions[token].quantity == 0 {
            return;
        }
        let warmth = world.agents[agent].feels_for(to);
        world.agents[agent].positions[token].give(1, 0.0);
        world.agents[to].positions[token].take(1, 0.0);
        world.agents[to].warm_to(agent, 0.15);
        self.events.push(Event {
            quantity: Some(1),
            actor: Some(agent),
            counterparty: Some(to),
            ..Event::new(ExchangeKind::Gift, token, json!({"warmth": warmth}))
        });
    }

    /// A vote on a token, counted at the end of the tick.
    pub(super) fn vote(&mut self, agent: usize, token: usize, stance: f64) {
        self.votes[token].push(stance);
        let label = if stance < 0.0 { "against" } else { "for" };
        self.events.push(Event {
            actor: Some(agent),
            ..Event::new(
                ExchangeKind::CastVote,
                token,
                json!({"stance_label": label, "stance_value": stance}),
            )
        });
    }

    fn withdraw(&mut self, token: usize, order: &Order, reason: &str) {
        self.events.push(Event {
            side: Some(order.side),
            quantity: Some(order.quantity),
            price: Some(order.limit as f64),
            actor: Some(order.agent),
            ..Event::new(ExchangeKind::OrderCancel, token, json!({"order_id": order.id, "reason": reason}))
        });
    }
}

/// Moves units one way and coins the other; both remember each other a little more kindly.
fn settle(world: &mut World, token: usize, buyer: usize, seller: usize, quantity: i64, total: i64) {
    world.agents[buyer].coins -= total;
    world.agents[buyer].positions[token].take(quantity, total as f64);
    world.agents[buyer].warm_to(seller, 0.03);
    world.agents[seller].coins += total;
    world.agents[seller].positions[token].give(quantity, total as f64);
    world.agents[seller].warm_to(buyer, 0.03);
}
