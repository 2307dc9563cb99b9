//! Channel types and visibilities.

use super::vocabulary::vocabulary;

vocabulary! {
    /// The kind of channel in which something is said.
    ChannelType, "channel type" {
        /// Open to everyone.
        Public = "public", "PUBLIC";
        /// Belongs to a group.
        Group = "group", "GROUP";
        /// Belongs to a room.
        Room = "room", "ROOM";
        /// Between two agents.
        Dm = "dm", "DM";
    }
}

vocabulary! {
    /// The visibility of a message or a scenario.
    Visibility, "visibility" {
        /// Everyone.
        Public = "public", "PUBLIC";
        /// The members of a group.
        Group = "group", "GROUP";
        /// The agents in a room.
        Room = "room", "ROOM";
        /// One other agent.
        Dm = "dm", "DM";
    }
}
