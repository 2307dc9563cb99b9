//! What is said, by whom and to whom, and what it does to those who hear it.

use std::sync::Arc;

use crv_core::grammar::Visibility;
use serde_json::{Value, json};

use super::agents::{TOKENS, World};
use super::market::{Market, VENUE};

/// One message: a row of `messages`.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) sender: usize,
    pub(super) channel: Arc<str>,
    pub(super) visibility: Visibility,
    pub(super) audience: Value,
    pub(super) act: &'static str,
    pub(super) topic: usize,
    pub(super) stance: Option<&'static str>,
    pub(super) claims: Value,
    pub(super) style: Value,
}

/// The channel of messages to one agent alone.
pub(super) fn whispers_to(name: &str) -> String {
    format!("dm_{name}")
}

fn stance(polarity: f64) -> &'static str {
    if polarity < 0.0 { "warns" } else { "recommends" }
}

/// Someone speaks up for a token, or against it, before the whole group; who likes the speaker is swayed.
pub(super) fn endorse(world: &mut World, sender: usize, token: usize, polarity: f64) -> Message {
    let group = world.agents[sender].group;
    let hearers: Vec<usize> = world
        .agents
        .iter()
        .enumerate()
        .filter(|(index, agent)| *index != sender && agent.group == group)
        .map(|(index, _)| index)
        .collect();
    for &hearer in &hearers {
        let felt = world.agents[hearer].feels_for(sender);
        world.agents[hearer].incline_to(token, 0.1 * felt * polarity);
    }
    let speaker = &world.agents[sender];
    Message {
        sender,
        channel: Arc::from(group),
        visibility: Visibility::Group,
        audience: json!({"kind": "group", "group": group, "size": hearers.len()}),
        act: "endorse",
        topic: token,
        stance: Some(stance(polarity)),
        claims: json!({"token_id": TOKENS[token], "polarity": polarity}),
        style: json!({"tone": tone(speaker.mood), "boldness": speaker.boldness}),
    }
}

/// A word in private; it sways whoever hears it, and brings two who agree closer and two who do not apart.
pub(super) fn whisper(world: &mut World, sender: usize, to: usize, token: usize, polarity: f64) -> Message {
    let felt = world.agents[to].feels_for(sender);
    world.agents[to].incline_to(token, 0.2 * felt * polarity);
    let agree = world.agents[to].attachment[token] * polarity > 0.0;
    world.agents[to].warm_to(sender, if agree { 0.02 } else { -0.06 });
    let owned = world.agents[sender].positions[token].quantity;
    Message {
        sender,
        channel: Arc::from(whispers_to(&world.agents[to].name)),
        visibility: Visibility::Dm,
        audience: json!({"kind": "agent", "agent_id": &*world.agents[to].name, "size": 1}),
        act: "ask",
        topic: token,
        stance: (polarity.abs() > 0.2).then(|| stance(polarity)),
        claims: json!({"token_id": TOKENS[token], "owned": owned}),
        style: json!({"tone": tone(world.agents[sender].mood)}),
    }
}

/// The day's herald calls out what a token went for: no tick passes in silence.
pub(super) fn herald(world: &World, market: &Market, tick: i64) -> Message {
    let sender = tick.rem_euclid(world.agents.len() as i64) as usize;
    let topic = tick.rem_euclid(TOKENS.len() as i64) as usize;
    Message {
        sender,
        channel: Arc::from(VENUE),
        visibility: Visibility::Public,
        audience: json!({"kind": "everyone", "size": world.agents.len() - 1}),
        act: "announce",
        topic,
        stance: None,
        claims: json!({
            "token_id": TOKENS[topic], "price": market.last_price[topic], "volume": market.volume[topic],
        }),
        style: json!({"tone": "plain"}),
    }
}

fn tone(mood: f64) -> &'static str {
    if mood > 0.1 {
        "cheerful"
    } else if mood < -0.1 {
        "gloomy"
    } else {
        "plain"
    }
}
