//! What an agent can do, and what it prefers. Rows of `decisions`.

use crv_core::grammar::{ActionKind, canonical_action_key};
use crv_core::schema::{ActionCandidate, DecisionRow, Side};
use serde_json::{Value, json};

use crate::Simulation;
use crate::agents::{PerToken, TOKENS, name, spread};
use crate::market::{ORDER_SIZE, ORDER_TTL, VENUE};
use crate::messages::Audience;
use crate::rows::object;

/// Carries out an action.
pub(crate) type Act = Box<dyn FnOnce(&mut Simulation)>;

impl Simulation {
    /// The token that an agent turns to, at random, what it prefers to do about it, and how to do it.
    pub(crate) fn decide(&mut self, agent: usize) -> (usize, ActionCandidate, Act) {
        let token = self.rng.usize(..TOKENS.len());
        let mut candidates = self.candidates(agent, token);
        candidates.sort_by(|(a, _), (b, _)| b.score.total_cmp(&a.score));
        let actions: Vec<_> = candidates.iter().map(|(action, _)| object(json!(action))).collect();
        let estimates: PerToken<Option<f64>> = std::array::from_fn(|other| {
            (other == token || self.rng.f64() < 0.35).then(|| self.valuation(agent, other))
        });
        self.rows.push(&DecisionRow {
            tick: self.tick,
            agent_id: name(agent),
            chosen_action: actions[0].clone(),
            action_candidates: actions,
            token_value_estimates: object(TOKENS.into_iter().zip(estimates).collect()),
        });
        let (choice, act) = candidates.swap_remove(0);
        (token, choice, act)
    }

    /// What the agents that an agent knows feel for a token, by its ties to them.
    pub(crate) fn peer_opinion(&self, agent: usize, token: usize) -> f64 {
        let ties = &self.agents[agent].ties;
        let opinions = ties.iter().map(|(other, feeling)| feeling * self.agents[*other].attachment[token]);
        opinions.sum::<f64>() / ties.len() as f64
    }

    /// `V_i(o)`, between 0 and 1: from attachment, the opinion of peers, and mood.
    fn valuation(&self, agent: usize, token: usize) -> f64 {
        let me = &self.agents[agent];
        let driver = 1.6 * me.attachment[token] + 1.2 * self.peer_opinion(agent, token) + 0.3 * me.mood;
        1.0 / (1.0 + (-driver).exp())
    }

    /// All that the agent can do about the token; never empty, since it can always vote.
    fn candidates(&mut self, agent: usize, token: usize) -> Vec<(ActionCandidate, Act)> {
        let wished = self.rng.i64(1..=ORDER_SIZE);
        let partner = self.rng.choice(self.agents[agent].ties.keys().copied());
        let wanted = (token + self.rng.usize(1..TOKENS.len())) % TOKENS.len();
        let me = &self.agents[agent];
        let (owned, feeling, token_id) = (me.positions[token].quantity, me.attachment[token], TOKENS[token]);
        let (value, wanted_value) = (self.valuation(agent, token), self.valuation(agent, wanted));
        let limit = (self.books[token].baseline * (0.7 + 0.6 * value)).round().max(1.0) as i64;
        let mut found: Vec<(ActionCandidate, Act)> = Vec::new();
        let mut add = |score: f64, action_type: ActionKind, parameters: Value, act: Act| {
            let score = score + 0.15 * spread(&mut self.rng);
            let key = canonical_action_key(action_type, [("token_id", token_id)]);
            found.push((ActionCandidate { action_type, parameters: object(parameters), score, key }, act));
        };
        let stance = 2.0 * value - 1.0;
        let label = if stance < 0.0 { "against" } else { "for" };
        let parameters =
            json!({"venue_id": VENUE, "token_id": token_id, "stance_value": stance, "stance_label": label});
        let vote: Act = Box::new(move |world| world.vote(agent, token, stance, label));
        add(0.1 + 0.2 * me.boldness, ActionKind::CastVoteAtVenue, parameters, vote);
        for (side, most, score) in [(Side::Buy, me.coins / limit, value), (Side::Sell, owned, 1.0 - value)] {
            let quantity = wished.min(most);
            if quantity > 0 {
                let parameters = json!({
                    "venue_id": VENUE, "token_id": token_id, "side": side, "quantity": quantity,
                    "limit_price": limit, "ttl": ORDER_TTL,
                });
                let post: Act = Box::new(move |world| world.post(agent, token, side, quantity, limit));
                add(score, ActionKind::PostOrderToVenue, parameters, post);
            }
        }
        // The partner may have an order to sell what is wanted, and must still be able to cover it.
        let can_spare = |other: &usize| self.agents[*other].positions[wanted].quantity > ORDER_SIZE;
        if let Some(with) = partner.filter(can_spare).filter(|_| owned > 0) {
            let parameters = json!({
                "venue_id": VENUE, "input_token_id": token_id, "input_quantity": 1,
                "output_token_id": TOKENS[wanted], "minimum_output_quantity": 1,
            });
            let swap: Act = Box::new(move |world| world.swap(agent, with, token, wanted));
            add(0.4 + wanted_value - value, ActionKind::SwapAtVenue, parameters, swap);
        }
        if feeling.abs() > 0.2 {
            let parameters =
                json!({"audience": me.group, "token_id": token_id, "endorsement_polarity": feeling});
            let endorse: Act = Box::new(move |world| world.speak(agent, token, Audience::Group));
            let score = feeling.abs() * (0.3 + 0.7 * me.boldness);
            add(score, ActionKind::EndorseToken, parameters, endorse);
        }
        let Some((friend, tie)) = me.closest() else { return found };
        let utterance = format!("what do you make of {token_id}?");
        let parameters =
            json!({"channel": format!("dm_{}", name(friend)), "visibility": "dm", "utterance": utterance});
        let ask: Act = Box::new(move |world| world.speak(agent, token, Audience::Agent(friend)));
        add(0.2 + 0.4 * tie.abs(), ActionKind::SendChatMessage, parameters, ask);
        if tie > 0.3 && owned > 2 {
            let parameters = json!({"to_agent_id": name(friend), "token_id": token_id, "quantity": 1});
            let gift: Act = Box::new(move |world| world.gift(agent, friend, token));
            add(tie - 0.6 * value, ActionKind::GiftToken, parameters, gift);
        }
        found
    }
}
