//! Where a bundle comes from: the versions of the programs, and of the code in the current directory.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

/// How long Git may take, over all questions.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks at a process that has said everything and not ended yet.
const PAUSE: Duration = Duration::from_millis(2);

/// Versions of the programs that wrote a bundle; `None` for what is not there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Versions {
    /// Python's.
    pub python: Option<String>,
    /// That of Polars.
    pub polars: Option<String>,
    /// That of pyarrow.
    pub pyarrow: Option<String>,
    /// Our own; filled in.
    pub crv: Option<String>,
    /// The Rust compiler's; filled in.
    pub rust: Option<String>,
    /// The operating system and the processor's architecture, such as `linux-x86_64`; filled in.
    pub os: Option<String>,
}

impl Versions {
    /// The same with all that this crate knows itself.
    pub(super) fn complete(self) -> Self {
        Self {
            crv: Some(env!("CARGO_PKG_VERSION").to_owned()),
            rust: option_env!("CRV_RUSTC_VERSION").map(str::to_owned),
            os: Some(format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)),
            ..self
        }
    }
}

/// The state of the Git repository around the current directory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct GitState {
    /// The commit that is checked out; none outside a repository, without Git, or before the first commit.
    pub sha: Option<String>,
    /// Whether a tracked file differs from that commit. Untracked files do not count: the runs themselves may be
    /// among them.
    pub dirty: Option<bool>,
}

impl GitState {
    /// Asks `git`. What it does not say in time is none; this never fails.
    pub fn of_current_dir() -> Self {
        let deadline = Instant::now() + PATIENCE;
        let Some(sha) = ask(&["rev-parse", "--verify", "--quiet", "HEAD"], deadline) else {
            return Self::default();
        };
        let sha = sha.trim().to_owned();
        if sha.is_empty() || !sha.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Self::default();
        }
        let changes = ask(&["status", "--porcelain", "--untracked-files=no"], deadline);
        Self { sha: Some(sha), dirty: changes.map(|changes| !changes.is_empty()) }
    }
}

/// What `git` says to `arguments`, if it succeeds before the deadline.
fn ask(arguments: &[&str], deadline: Instant) -> Option<String> {
    let mut child = Command::new("git")
        // A repository must not name programs for us to run, and looking must not take its locks.
        .args(["-c", "core.fsmonitor=false", "--no-optional-locks"])
        .args(arguments)
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let said = listen(&mut child, deadline);
    let succeeded = said.is_some() && ends_well(&mut child, deadline);
    if !succeeded {
        // It may have ended by now, and then there is nothing to stop.
        let _ = child.kill();
        let _ = child.wait();
    }
    said.filter(|_| succeeded)
}

/// All that the process prints. The thread is not waited for: a grandchild may hold the pipe open.
fn listen(child: &mut Child, deadline: Instant) -> Option<String> {
    let mut stdout = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .name("crv-git".to_owned())
        .spawn(move || {
            let mut text = String::new();
            // Nobody listens any more when the deadline has passed.
            let _ = sender.send(stdout.read_to_string(&mut text).ok().map(|_| text));
        })
        .ok()?;
    receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok().flatten()
}

fn ends_well(child: &mut Child, deadline: Instant) -> bool {
    loop {
        match child.try_wait() {
            // An answer that came too late is none.
            Ok(Some(status)) => return status.success() && Instant::now() < deadline,
            Ok(None) if Instant::now() < deadline => thread::sleep(PAUSE),
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_that_git_does_not_know_is_no_answer() {
        assert_eq!(ask(&["no-such-verb-of-git"], Instant::now() + PATIENCE), None);
    }

    #[test]
    fn after_the_deadline_there_is_no_answer() {
        let started = Instant::now();
        assert_eq!(ask(&["hash-object", "--stdin-paths"], started), None);
        assert!(started.elapsed() < PATIENCE);
    }

    #[test]
    fn our_own_versions_are_filled_in_and_others_kept() {
        let versions = Versions { python: Some("3.13".to_owned()), ..Versions::default() }.complete();
        assert_eq!(versions.python.as_deref(), Some("3.13"));
        assert_eq!(versions.crv.as_deref(), Some(env!("CARGO_PKG_VERSION")));
        assert!(versions.rust.is_some_and(|rust| rust.starts_with(char::is_numeric)));
    }
}
