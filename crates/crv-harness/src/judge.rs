//! Judges the state that a crash left: whether every promise holds, and whether the run can be continued.

use crv_io::{CheckOptions, Dataset, ErrorKind};

use crate::disk::Disk;
use crate::machine::Machine;
use crate::model::tables;

/// Opens the run on `disk`, which a crash at `moment` of `machine` left, and checks that acknowledged transactions
/// are there and all others are whole or absent. Then appends, crashes again, and checks that too. Returns the
/// machine that appended, with the disks that it recorded.
pub fn survives(machine: &Machine, disk: Disk, moment: usize) -> Result<Machine, String> {
    let after = machine.after(disk, moment);
    let dataset = after.open()?;
    after.look(&dataset, true)?;
    is_whole(&dataset)?;
    after.sim.remember();
    let failed = |error: crv_io::Error| format!("an append after the crash failed: {error}");
    after.write(&dataset, &tables(), &[1, 2]).map_err(failed)?;
    drop(dataset);
    let again = after.after(after.sim.disk().only_durable(), after.moment());
    let dataset = again.open()?;
    again.look(&dataset, false).map_err(|why| format!("after an append and a second crash: {why}"))?;
    Ok(after)
}

/// Checks every document and every byte. Problems that are harmless, such as files left over, are allowed.
pub(crate) fn is_whole(dataset: &Dataset) -> Result<(), String> {
    let report = match dataset.check(CheckOptions { deep: true }) {
        Ok(report) => report,
        // The crash came before the run had a directory.
        Err(error)
            if error.kind() == ErrorKind::Read && dataset.tables().is_ok_and(|tables| tables.is_empty()) =>
        {
            return Ok(());
        }
        Err(error) => return Err(format!("the check failed: {error}")),
    };
    match report.problems.iter().find(|problem| !problem.harmless) {
        None => Ok(()),
        Some(problem) => Err(format!("a check finds {:?}: {}", problem.kind, problem.message)),
    }
}

/// Checks that no checkpoint replaced a newer one: the commit that a manifest includes never decreases.
pub fn manifests_go_forward(history: &[Disk]) -> Result<(), String> {
    for table in tables() {
        let path =
            format!("{}/runs/{}/tables/{table}/manifest.json", crate::machine::ROOT, crate::machine::RUN);
        let mut newest = 0;
        for disk in history {
            let Some(commit) = disk.read(&path).and_then(included) else { continue };
            if commit < newest {
                return Err(format!(
                    "the manifest of `{table}` went back from commit {newest} to commit {commit}"
                ));
            }
            newest = commit;
        }
    }
    Ok(())
}

/// The commit that a manifest says it includes.
fn included(manifest: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(manifest).ok()?;
    let (_, rest) = text.split_once("\n  \"commit\": ")?;
    rest.split(',').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commit_of_a_manifest_is_found() {
        assert_eq!(included(b"{\n  \"table\": \"t\",\n  \"commit\": 17,\n  \"x\": 1\n}"), Some(17));
        assert_eq!(included(b"{}"), None);
    }
}
