//! What happens at the venue: the rows of `exchange`.

use crv_core::grammar::ExchangeKind;
use serde_json::Value;

/// Which side of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Buy,
    Sell,
}

impl Side {
    /// The value the tables carry.
    pub(super) fn value(self) -> &'static str {
        match self {
            Side::Buy => "buy",
            Side::Sell => "sell",
        }
    }
}

/// One thing that happened at the venue: a row of `exchange`.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) kind: ExchangeKind,
    pub(super) token: usize,
    pub(super) side: Option<Side>,
    pub(super) quantity: Option<i64>,
    pub(super) price: Option<f64>,
    pub(super) actor: Option<usize>,
    pub(super) counterparty: Option<usize>,
    pub(super) baseline: Option<f64>,
    pub(super) payload: Value,
}

impl Event {
    /// An event of which only kind, token and payload are known yet.
    pub(super) fn new(kind: ExchangeKind, token: usize, payload: Value) -> Self {
        Event {
            kind,
            token,
            side: None,
            quantity: None,
            price: None,
            actor: None,
            counterparty: None,
            baseline: None,
            payload,
        }
    }
}
