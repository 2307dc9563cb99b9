//! What agents say, and how it changes those who hear it. Rows of `messages`.

use crv_core::grammar::Visibility;
use crv_core::schema::MessageRow;
use serde_json::json;

use crate::Simulation;
use crate::agents::{Agent, TOKENS, name};
use crate::market::VENUE;
use crate::rows::object;

/// The addressees of an announcement of the price, an endorsement, or a question.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Audience {
    Everyone,
    Group,
    Agent(usize),
}

impl Simulation {
    /// Says something about a token. Endorsements and questions move the hearers' attachment to the token by what they
    /// feel for the speaker, and their ties to the speaker by whether they agree.
    pub(crate) fn speak(&mut self, agent: usize, token: usize, audience: Audience) {
        let (me, book, token_id) = (&self.agents[agent], &self.books[token], TOKENS[token]);
        let (polarity, group) = (me.attachment[token], me.group);
        let others = (0..self.agents.len()).filter(|&other| other != agent);
        let tone = ["gloomy", "plain", "cheerful"][usize::from(me.mood > -0.1) + usize::from(me.mood > 0.1)];
        let mut style = json!({"tone": tone});
        let (hearers, channel_name, visibility_scope, speech_act, addressed, claims) = match audience {
            Audience::Everyone => {
                let addressed = json!({"kind": "everyone", "size": self.agents.len() - 1});
                let claims = json!({"token_id": token_id, "price": book.price, "volume": book.volume});
                (Vec::new(), VENUE.to_owned(), Visibility::Public, "announce", addressed, claims)
            }
            Audience::Group => {
                let members: Vec<usize> = others.filter(|&other| self.agents[other].group == group).collect();
                let addressed = json!({"kind": "group", "group": group, "size": members.len()});
                let claims = json!({"token_id": token_id, "polarity": polarity});
                style["boldness"] = json!(me.boldness);
                (members, group.to_owned(), Visibility::Group, "endorse", addressed, claims)
            }
            Audience::Agent(to) => {
                let addressed = json!({"kind": "agent", "agent_id": name(to), "size": 1});
                let claims = json!({"token_id": token_id, "owned": me.positions[token].quantity});
                (vec![to], format!("dm_{}", name(to)), Visibility::Dm, "ask", addressed, claims)
            }
        };
        let stance = if polarity < 0.0 { "warns" } else { "recommends" };
        let takes_a_stance = polarity.abs() > 0.2 && visibility_scope != Visibility::Public;
        self.rows.push(&MessageRow {
            tick: self.tick,
            sender_agent_id: name(agent),
            channel_name,
            visibility_scope,
            audience: object(addressed),
            speech_act: speech_act.to_owned(),
            topic_label: token_id.to_owned(),
            stance_label: takes_a_stance.then(|| stance.to_owned()),
            claims: object(claims),
            style: object(style),
        });
        for hearer in hearers {
            let Agent { attachment, ties, .. } = &mut self.agents[hearer];
            let Some(feeling) = ties.get_mut(&agent) else { continue };
            attachment[token] = (attachment[token] + 0.15 * *feeling * polarity).clamp(-1.0, 1.0);
            let agreement = if attachment[token] * polarity > 0.0 { 0.02 } else { -0.06 };
            *feeling = (*feeling + agreement).clamp(-1.0, 1.0);
        }
    }
}
