//! A real disk that fills up: a small memory file system where mounting is allowed, a limit on file sizes elsewhere.

use std::io;
use std::path::Path;
use std::process::{Command, Output};

use crv_io::{CheckOptions, ErrorKind, ProblemKind};
use fs_err as fs;

use super::expected::{self, Expected};
use super::{Place, child, open};
use crate::rows;

/// How the disk was filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// A memory file system of 3 MiB.
    SmallMount,
    /// No file may be larger than 1 KiB.
    SizeLimit,
}

/// Fills a disk, checks that nothing is lost, makes room, and appends again.
pub fn run(place: &Place) -> Result<How, String> {
    let dir = place.root.join("full");
    fs::create_dir_all(&dir).map_err(|error| error.to_string())?;
    // The expected rows are recorded on another disk, which has room.
    let notes = place.root.join("full-notes").display().to_string();
    let program = place.program.display();
    let dir_text = dir.display();
    let mounted = shell(
        &["unshare", "--map-root-user", "--mount"],
        &format!(
            "mount -t tmpfs -o size=3m none '{dir_text}' || exit 77; exec '{program}' child-fill --notes '{notes}' --root '{dir_text}'"
        ),
    );
    match mounted {
        Ok(output) if output.status.success() => return Ok(How::SmallMount),
        // Mounting is not permitted, or there is no such program: a limit on file sizes instead.
        Ok(output) if output.status.code() == Some(1) && says(&output).contains("found:") => {
            return Err(says(&output));
        }
        _ => {}
    }
    let output = shell(
        &[],
        &format!(
            "trap '' XFSZ; ulimit -f 1; exec '{program}' child-fill --limited --notes '{notes}' --root '{dir_text}'"
        ),
    )?;
    if output.status.success() { Ok(How::SizeLimit) } else { Err(says(&output)) }
}

fn says(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn shell(around: &[&str], script: &str) -> Result<Output, String> {
    let words: Vec<&str> = around.iter().copied().chain(["sh", "-c", script]).collect();
    let (program, rest) = words.split_first().ok_or("there is no program")?;
    Command::new(program).args(rest).output().map_err(|error| error.to_string())
}

/// What the child does. With `limited`, file sizes are limited, so the first large append fails.
pub fn fill(root: &Path, notes: &Path, limited: bool) -> Result<(), String> {
    let found = |why: String| format!("found: {why}");
    let run = "full";
    let ballast = root.join("ballast");
    if !limited {
        fs::write(&ballast, vec![7; 1024 * 1024]).map_err(|error| error.to_string())?;
    }
    let dataset = open(root, run)?;
    let mut expected = Expected::open(notes, run, 0)?;
    let mut failed = 0;
    let mut id = 0;
    while failed < 5 {
        if id > 100_000 {
            return Err(found("the disk does not fill up".to_owned()));
        }
        match child::commit(&dataset, id) {
            Ok(()) => note(&mut expected, &["begin", "committed"], id)?,
            Err(error) => {
                if error.kind() != ErrorKind::Write {
                    return Err(found(format!("kind {:?}: {error}", error.kind())));
                }
                let is_full = child::has_cause(&error, io::ErrorKind::StorageFull) && error.hint().is_some();
                if !limited && !is_full {
                    return Err(found(format!("no hint: {error}")));
                }
                failed += 1;
            }
        }
        id += 1;
    }
    let look = |what: &str| {
        let fresh = open(root, run)?;
        let rows = rows::read_all(&fresh)?;
        expected::model(notes, run)?.compare(&rows, 0).map_err(|why| found(format!("{what}: {why}")))?;
        let Ok(report) = fresh.check(CheckOptions { deep: true }) else { return Ok(()) };
        // Parts of sealed buckets that were merged are expected.
        let mut left = report.problems.into_iter().filter(|problem| problem.kind != ProblemKind::MergedPart);
        match left.next() {
            None => Ok(()),
            Some(problem) => Err(found(format!("{what}: {:?} {}", problem.kind, problem.message))),
        }
    };
    if limited {
        // A process cannot raise its limit. The failed appends committed nothing, and left nothing behind.
        return look("after the failure");
    }
    look("on a full disk")?;
    fs::remove_file(&ballast).map_err(|error| error.to_string())?;
    for id in id..id + 3 {
        child::commit(&dataset, id).map_err(|error| found(format!("after room was made: {error}")))?;
        note(&mut expected, &["begin", "committed"], id)?;
    }
    look("after room was made")
}

/// Records the lines of a commit that has ended.
fn note(expected: &mut Expected, words: &[&str], id: i64) -> Result<(), String> {
    words.iter().try_for_each(|word| expected.note(word, id))
}
