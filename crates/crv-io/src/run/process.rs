//! [`ProcessId`]: which process wrote something, so that a reader can tell whether it still runs.

use std::path::Path;

use fs_err as fs;

/// A process, identified so that another one with the same number is not taken for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProcessId {
    /// The name of its machine.
    pub(super) host: Option<String>,
    pub(super) pid: u32,
    /// The boot of its machine, its namespace of process numbers and its start, as `<boot id>/<namespace>/<clock ticks since
    /// the boot>`. `None` where there is no `/proc`.
    pub(super) start: Option<String>,
}

impl ProcessId {
    /// This process. Read each time: a forked process is another one.
    pub(super) fn current() -> Self {
        let pid = std::process::id();
        let start = space().zip(started(pid)).map(|(space, ticks)| format!("{space}/{ticks}"));
        Self { host: host(), pid, start }
    }

    /// Whether the process still runs; `None` if that cannot be told from here: it is of another machine or of another
    /// container, or was started before the last boot.
    pub(super) fn is_alive(&self) -> Option<bool> {
        let (theirs, ticks) = self.start.as_deref()?.rsplit_once('/')?;
        if space()? != theirs {
            return None;
        }
        match started(self.pid) {
            Some(found) => Some(found == ticks),
            // Where processes of other users are hidden, that one is not found proves nothing.
            None => started(1).map(|_| false),
        }
    }
}

/// The boot of this machine, and this process's namespace of process numbers.
fn space() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    let namespace: String = namespace.to_str()?.chars().filter(char::is_ascii_digit).collect();
    Some(format!("{}/{namespace}", boot.trim()))
}

/// When process `pid` was started, in clock ticks since the boot; `None` if it has ended.
fn started(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    // The name of the program is in parentheses, and may contain anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    // A zombie has ended, and its parent has not asked for it yet.
    if matches!(state, "Z" | "X" | "x") {
        return None;
    }
    fields.nth(18).map(str::to_owned)
}

/// The name of this machine.
fn host() -> Option<String> {
    let name =
        fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok());
    name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs_and_one_that_has_ended_does_not() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let start = |pid: u32| format!("{}/{}", space().unwrap(), started(pid).unwrap());
        let theirs = ProcessId { host: host(), pid: child.id(), start: Some(start(child.id())) };
        assert_eq!(theirs.is_alive(), Some(true));
        child.kill().unwrap();
        // It is a zombie until it is waited for.
        for _ in 0..1_000 {
            if theirs.is_alive() == Some(false) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert_eq!(theirs.is_alive(), Some(false));
        child.wait().unwrap();
        assert_eq!(theirs.is_alive(), Some(false));
        assert_eq!(ProcessId::current().is_alive(), Some(true));
    }

    #[test]
    fn another_process_with_the_same_number_is_not_taken_for_it() {
        let ours = ProcessId::current();
        let (space, ticks) = ours.start.as_deref().unwrap().rsplit_once('/').unwrap();
        let at = |start: String| ProcessId { start: Some(start), ..ours.clone() }.is_alive();
        assert_eq!(at(format!("{space}/{ticks}")), Some(true));
        assert_eq!(at(format!("{space}/{ticks}0")), Some(false));
        assert_eq!(at(format!("x{space}/{ticks}")), None, "another boot or another namespace");
        for strange in ["", "/", "//", "a/b", "a/b/c"] {
            assert_eq!(at(strange.to_owned()), None, "{strange:?}");
        }
        assert_eq!(ProcessId { start: None, ..ours }.is_alive(), None);
    }
}
