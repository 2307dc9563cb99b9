//! Small shared types without rules.

use serde_json::{Map, Value};

use crate::ids::plain_id;

/// A point in simulated time. Stored ticks are zero or more; bounds of ranges may be any `i64`.
pub type Tick = i64;

/// A JSON object.
pub type JsonDict = Map<String, Value>;

plain_id! {
    /// Names a group of agents.
    GroupId
}

plain_id! {
    /// Names a room, a place where agents meet and talk.
    RoomId
}
