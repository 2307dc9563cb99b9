//! The origin of a run: the versions of the programs, and of the code in a directory.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// How long all Git commands together may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// The polling interval while a process has closed its output but has not ended.
const PAUSE: Duration = Duration::from_millis(2);

/// Versions of the programs that wrote a run or its bundle; `None` for programs that are not used.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Versions {
    /// Python's.
    pub python: Option<String>,
    /// That of Polars.
    pub polars: Option<String>,
    /// That of pyarrow.
    pub pyarrow: Option<String>,
    /// This crate's; set by this crate.
    pub crv: Option<String>,
    /// The Rust compiler's; set by this crate.
    pub rust: Option<String>,
    /// The operating system and the processor's architecture, such as `linux-x86_64`; set by this crate.
    pub os: Option<String>,
}

impl Versions {
    /// Adds the versions that this crate knows.
    pub(crate) fn complete(self) -> Self {
        Self {
            crv: Some(env!("CARGO_PKG_VERSION").to_owned()),
            rust: option_env!("CRV_RUSTC_VERSION").map(str::to_owned),
            os: Some(format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)),
            ..self
        }
    }
}

/// The state of the Git repository around a directory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GitState {
    /// The commit that is checked out; `None` outside a repository, without Git, or before the first commit.
    pub sha: Option<String>,
    /// Whether a tracked file differs from that commit. Untracked files are ignored: runs may be among them.
    pub dirty: Option<bool>,
}

impl GitState {
    /// The state of the repository around the current directory, as [`of_dir`](Self::of_dir) returns it.
    pub fn of_current_dir() -> Self {
        Self::of_dir(Path::new("."))
    }

    /// Runs `git` in `dir`. A value is `None` if `git` fails or takes too long; this never fails.
    pub fn of_dir(dir: &Path) -> Self {
        let deadline = Instant::now() + PATIENCE;
        let ask = |arguments: &[&str], deadline| ask(dir, arguments, deadline);
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

/// The output of `git` with `arguments`, if it succeeds before the deadline.
fn ask(dir: &Path, arguments: &[&str], deadline: Instant) -> Option<String> {
    let mut child = Command::new("git")
        .current_dir(dir)
        // The repository's settings must not start programs, and reading it must not take its locks.
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
        // Errors ignored: it may have ended already.
        let _ = child.kill();
        let _ = child.wait();
    }
    said.filter(|_| succeeded)
}

/// Reads the process's output. The thread is not joined: a grandchild process may hold the pipe open.
fn listen(child: &mut Child, deadline: Instant) -> Option<String> {
    let mut stdout = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .name("crv-git".to_owned())
        .spawn(move || {
            let mut text = String::new();
            // Fails if the receiver was dropped, after the deadline.
            let _ = sender.send(stdout.read_to_string(&mut text).ok().map(|_| text));
        })
        .ok()?;
    receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok().flatten()
}

fn ends_well(child: &mut Child, deadline: Instant) -> bool {
    loop {
        match child.try_wait() {
            // After the deadline the output is not used.
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
        assert_eq!(ask(Path::new("."), &["no-such-verb-of-git"], Instant::now() + PATIENCE), None);
    }

    #[test]
    fn after_the_deadline_there_is_no_answer() {
        let started = Instant::now();
        assert_eq!(ask(Path::new("."), &["hash-object", "--stdin-paths"], started), None);
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
