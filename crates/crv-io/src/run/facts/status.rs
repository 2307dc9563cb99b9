//! The contents of `status.json`, to bytes and back, and how a reader judges them.

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::document::{FORMAT, check_time, sealed};
use crate::manifest;
use crate::run::process::ProcessId;
use crate::stamp;

/// Most bytes of the document.
pub const MAX_STATUS_BYTES: usize = 1 << 20;
/// Most bytes of each text of an error; of a longer one the end is kept, which says most.
const MAX_TEXT: usize = 64 << 10;

/// A running run of another machine is stale after this long without a sign of life.
///
/// Sixty heartbeats, so that neither one slow tick nor clocks that differ by minutes make a running run stale.
pub const SILENCE: Duration = Duration::from_secs(600);

/// How a run is doing, as of the last sign of its process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStatus {
    /// The state, as judged by the reader.
    pub state: RunState,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<RunError>,
    /// When the process began, ISO-8601 in UTC. A run that was resumed has a new one.
    pub started_at: String,
    /// The last sign of life.
    pub updated_at: String,
    /// When it ended.
    #[serde(default)]
    pub ended_at: Option<String>,
    /// The last tick that was committed.
    #[serde(default)]
    pub last_tick: Option<i64>,
    /// The newest commit; 0 before the first.
    #[serde(default)]
    pub commit: u64,
    /// The name of the process's machine.
    #[serde(default)]
    pub host: Option<String>,
    /// Its number.
    pub pid: u32,
    /// When it was started, as in [`RunFacts`](super::RunFacts).
    #[serde(default)]
    pub process_start: Option<String>,
}

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// A process works on it.
    Running,
    /// It ended as it should.
    Succeeded,
    /// It ended with an error.
    Failed,
    /// It was given up: interrupted, or its handle was dropped before it ended.
    Aborted,
    /// It says that it is running, and its process is gone or silent for long. Judged by the reader, never written.
    Stale,
}

impl RunState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Running, Self::Succeeded, Self::Failed, Self::Aborted, Self::Stale];

    /// The word in documents and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::Stale => "stale",
        }
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The error that a run failed with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunError {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its text.
    pub message: String,
    /// Where it was raised, if known.
    pub traceback: Option<String>,
}

impl RunStatus {
    /// Says that a running run is stale if its process is gone, or silent for long where that cannot be told.
    pub(crate) fn judged(mut self) -> Self {
        if self.state == RunState::Running && is_gone(&self.process(), &self.updated_at, stamp::now()) {
            self.state = RunState::Stale;
        }
        self
    }

    /// The process that wrote it.
    pub(in crate::run) fn process(&self) -> ProcessId {
        ProcessId { host: self.host.clone(), pid: self.pid, start: self.process_start.clone() }
    }
}

/// Returns whether a process that gave its last sign of life at `sign` is to be taken for gone.
pub(crate) fn is_gone(process: &ProcessId, sign: &str, now: Timestamp) -> bool {
    if let Some(is_alive) = process.is_alive() {
        return !is_alive;
    }
    let sign = stamp::parse(sign).unwrap_or(now);
    now.duration_since(sign) > SignedDuration::try_from(SILENCE).unwrap_or(SignedDuration::MAX)
}

/// The end of a text that is too long for the document.
pub(crate) fn clip(text: &str) -> String {
    let from = text.len().saturating_sub(MAX_TEXT);
    let from = (from..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    if from == 0 { text.to_owned() } else { format!("…{}", &text[from..]) }
}

/// The bytes of the document, sealed.
pub(crate) fn encode(status: &RunStatus) -> serde_json::Result<Vec<u8>> {
    sealed(status)
}

/// Parses the document. The error says what is wrong with it.
pub(crate) fn decode(bytes: &[u8]) -> Result<RunStatus, String> {
    manifest::open_document(bytes, FORMAT)?;
    let status: RunStatus = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    check_time("started_at", &status.started_at)?;
    check_time("updated_at", &status.updated_at)?;
    status.ended_at.as_deref().map_or(Ok(()), |time| check_time("ended_at", time))?;
    if status.state == RunState::Stale {
        return Err("`state` is `stale`, which is for readers to say".to_owned());
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(state: RunState) -> RunStatus {
        let time = || "2026-01-02T03:04:05+00:00".to_owned();
        RunStatus {
            state,
            error: None,
            started_at: time(),
            updated_at: time(),
            ended_at: None,
            last_tick: Some(-3),
            commit: 7,
            host: Some("h".to_owned()),
            pid: 1,
            process_start: None,
        }
    }

    #[test]
    fn a_status_comes_back_as_it_was_and_damage_is_noticed() {
        for state in [RunState::Running, RunState::Succeeded, RunState::Failed, RunState::Aborted] {
            let status = status(state);
            assert_eq!(decode(&encode(&status).unwrap()), Ok(status));
        }
        assert!(decode(&encode(&status(RunState::Stale)).unwrap()).unwrap_err().contains("for readers"));
        let whole = encode(&status(RunState::Failed)).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped).is_err(), "bit {bit}");
        }
        assert!((0..whole.len()).all(|length| decode(&whole[..length]).is_err()));
    }

    #[test]
    fn words_are_the_same_in_documents_and_in_text() {
        for state in RunState::ALL {
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{state}\""));
        }
    }

    #[test]
    fn a_process_that_cannot_be_seen_is_gone_after_a_long_silence() {
        let far = ProcessId { host: Some("far".to_owned()), pid: 1, start: None };
        let now = stamp::now();
        let before = |seconds: u64| stamp::text(now - Duration::from_secs(seconds));
        assert!(!is_gone(&far, &before(SILENCE.as_secs()), now));
        assert!(is_gone(&far, &before(SILENCE.as_secs() + 1), now));
        assert!(!is_gone(&far, &stamp::text(now + Duration::from_secs(999_999)), now), "its clock is ahead");
    }

    #[test]
    fn a_run_that_has_ended_is_never_stale() {
        for state in [RunState::Succeeded, RunState::Failed, RunState::Aborted] {
            assert_eq!(status(state).judged(), status(state));
        }
        assert_eq!(status(RunState::Running).judged().state, RunState::Stale);
    }

    #[test]
    fn the_end_of_a_long_text_is_kept() {
        assert_eq!(clip("short"), "short");
        let clipped = clip(&format!("{}end", "ä".repeat(MAX_TEXT)));
        assert!(clipped.len() <= MAX_TEXT + 3 && clipped.starts_with('…') && clipped.ends_with("end"));
    }
}
