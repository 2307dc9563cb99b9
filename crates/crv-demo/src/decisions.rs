//! How an agent makes up its mind: from what it sees to what it would do, best first.

use crv_core::grammar::ActionKind;
use serde_json::{Map, Value, json};

use super::agents::{Agent, PerToken, TOKENS, USUAL_PRICE, World, spread};
use super::event::Side;
use super::market::{Market, ORDER_TTL, VENUE};

/// What an agent could do about the token it thinks of.
#[derive(Debug, Clone)]
pub(super) enum Intent {
    Order { side: Side, quantity: i64, limit: i64 },
    Swap { with: usize, wanted: usize },
    Gift { to: usize },
    Endorse { polarity: f64 },
    Chat { to: usize, stance: f64 },
    Vote { stance: f64 },
}

/// One intent and how much the agent would like it.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) intent: Intent,
    pub(super) score: f64,
}

/// An agent's mind at one tick.
#[derive(Debug, Clone)]
pub(super) struct Thought {
    pub(super) agent: usize,
    /// The token that holds its attention.
    pub(super) token: usize,
    /// The bounded valuation of the tokens it thought about, [`V_i(o)`](valuation).
    pub(super) estimates: PerToken<Option<f64>>,
    /// Best first; never empty.
    pub(super) candidates: Vec<Candidate>,
}

/// `V_i(o)`, in (0, 1): attachment, what one's friends think of the token, and the mood of the day.
pub(super) fn valuation(world: &World, agent: usize, token: usize) -> f64 {
    let me = &world.agents[agent];
    let peers: f64 =
        me.ties.iter().map(|tie| tie.strength * world.agents[tie.other].attachment[token]).sum::<f64>()
            / me.ties.len().max(1) as f64;
    let driver = 1.6 * me.attachment[token] + 1.2 * peers + 0.3 * me.mood;
    1.0 / (1.0 + (-driver).exp())
}

/// What a unit is worth to someone who values it so, in whole coins, one at least.
fn worth(market: &Market, token: usize, value: f64) -> i64 {
    let anchor = 0.5 * (USUAL_PRICE + market.baseline[token]);
    (anchor * (0.7 + 0.6 * value)).round().max(1.0) as i64
}

/// Lets an agent think: about one token first of all, and about each of the others now and then.
pub(super) fn consider(rng: &mut fastrand::Rng, world: &World, market: &Market, agent: usize) -> Thought {
    let token = rng.usize(..TOKENS.len());
    let estimates = std::array::from_fn(|other| {
        (other == token || rng.f64() < 0.35).then(|| valuation(world, agent, other))
    });
    let value = valuation(world, agent, token);
    let mut candidates = options(rng, world, market, agent, token, value);
    for candidate in &mut candidates {
        candidate.score += 0.15 * spread(rng);
    }
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    Thought { agent, token, estimates, candidates }
}

fn options(
    rng: &mut fastrand::Rng,
    world: &World,
    market: &Market,
    agent: usize,
    token: usize,
    value: f64,
) -> Vec<Candidate> {
    let me = &world.agents[agent];
    let limit = worth(market, token, value);
    let quantity = rng.i64(1..=4);
    // A vote costs nothing, so there is always something one could do.
    let mut found = vec![Candidate {
        intent: Intent::Vote { stance: 2.0 * value - 1.0 },
        score: 0.1 + 0.2 * me.boldness,
    }];
    if me.coins >= limit {
        let quantity = quantity.min(me.coins / limit);
        found.push(Candidate { intent: Intent::Order { side: Side::Buy, quantity, limit }, score: value });
    }
    if me.positions[token].quantity > 0 {
        let quantity = quantity.min(me.positions[token].quantity);
        let intent = Intent::Order { side: Side::Sell, quantity, limit };
        found.push(Candidate { intent, score: 1.0 - value });
        if let Some((with, wanted)) = exchange_partner(rng, world, me, token) {
            let gain = valuation(world, agent, wanted) - value;
            found.push(Candidate { intent: Intent::Swap { with, wanted }, score: 0.4 + gain });
        }
    }
    if let Some(friend) = me.closest().filter(|tie| tie.strength > 0.3 && me.positions[token].quantity > 2) {
        let intent = Intent::Gift { to: friend.other };
        found.push(Candidate { intent, score: friend.strength - 0.6 * value });
    }
    let feeling = me.attachment[token];
    if feeling.abs() > 0.2 {
        let intent = Intent::Endorse { polarity: feeling };
        found.push(Candidate { intent, score: feeling.abs() * (0.3 + 0.7 * me.boldness) });
    }
    if let Some(tie) = me.closest() {
        let intent = Intent::Chat { to: tie.other, stance: feeling };
        found.push(Candidate { intent, score: 0.2 + 0.4 * tie.strength.abs() });
    }
    found
}

/// An acquaintance with a token to spare that is not the one on offer.
fn exchange_partner(
    rng: &mut fastrand::Rng,
    world: &World,
    me: &Agent,
    token: usize,
) -> Option<(usize, usize)> {
    let tie = rng.choice(&me.ties)?;
    let wanted = (token + rng.usize(1..TOKENS.len())) % TOKENS.len();
    (world.agents[tie.other].positions[wanted].quantity > 0).then_some((tie.other, wanted))
}

impl Intent {
    /// The grammar's word for it.
    pub(super) fn action(&self) -> ActionKind {
        match self {
            Intent::Order { .. } => ActionKind::PostOrderToVenue,
            Intent::Swap { .. } => ActionKind::SwapAtVenue,
            Intent::Gift { .. } => ActionKind::GiftToken,
            Intent::Endorse { .. } => ActionKind::EndorseToken,
            Intent::Chat { .. } => ActionKind::SendChatMessage,
            Intent::Vote { .. } => ActionKind::CastVoteAtVenue,
        }
    }

    /// The action's parameters by the grammar's names; which there are depends on the action.
    pub(super) fn parameters(&self, world: &World, token: usize) -> Map<String, Value> {
        let token = TOKENS[token];
        let parameters = match self {
            Intent::Order { side, quantity, limit } => json!({
                "venue_id": VENUE, "token_id": token, "side": side.value(), "quantity": quantity,
                "limit_price": limit, "ttl": ORDER_TTL,
            }),
            Intent::Swap { wanted, .. } => json!({
                "venue_id": VENUE, "input_token_id": token, "input_quantity": 1,
                "output_token_id": TOKENS[*wanted], "minimum_output_quantity": 1,
            }),
            Intent::Gift { to } => json!({
                "to_agent_id": &*world.agents[*to].name, "token_id": token, "quantity": 1,
            }),
            Intent::Endorse { polarity } => json!({
                "audience": "everyone", "token_id": token, "endorsement_polarity": polarity,
            }),
            Intent::Chat { to, .. } => json!({
                "channel": super::messages::whispers_to(&world.agents[*to].name), "visibility": "dm",
                "utterance": format!("what do you make of {token}?"),
            }),
            Intent::Vote { stance } => json!({
                "venue_id": VENUE, "token_id": token, "stance_value": stance,
                "stance_label": if *stance < 0.0 { "against" } else { "for" },
            }),
        };
        match parameters {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }
}

impl Thought {
    /// What the agent does in the end: its best candidate.
    pub(super) fn choice(&self) -> Option<&Candidate> {
        self.candidates.first()
    }
}
