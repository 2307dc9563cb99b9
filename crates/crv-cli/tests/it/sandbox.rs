//! A folder for each test, and the command run in it as a shell would.

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use crv_io::IoSettings;
use crv_io::run::{ModelOptions, Run, RunOptions, Seed, start_run};
use tempfile::TempDir;

/// Four rows of `holdings`, over two buckets of 4 ticks.
pub(crate) const HOLDINGS_CSV: &str =
    "tick,agent_id,token_id,quantity\n0,A0,Alpha,10\n1,A1,Alpha,20\n3,A0,Beta,-5\n4,A1,Beta,7\n";

/// A folder in which commands run.
pub(crate) struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A sandbox with four rows of `holdings` in a run called `r`.
    pub(crate) fn with_run() -> Self {
        let sandbox = Self::new();
        sandbox.write("holdings.csv", HOLDINGS_CSV);
        sandbox.ok("append r holdings holdings.csv --tick-bucket-size 4");
        sandbox
    }

    /// Begins the run `run_id`, with a seed, parameters and a tag.
    pub(crate) fn start(&self, run_id: &str) -> Run {
        let settings = IoSettings::default().with_root_dir(self.path("out").to_str().unwrap()).unwrap();
        let params = [("beta".to_owned(), 0.3.into()), ("grid".to_owned(), vec![1, 2].into())];
        let options = RunOptions {
            run_id: Some(run_id.to_owned()),
            params: params.into_iter().collect(),
            seed: Some(Seed::from(7_u64)),
            sweep: Some("s1".to_owned()),
            tags: vec!["sir".to_owned(), "first".to_owned()],
            model: ModelOptions { name: Some("SIR".to_owned()), version: None, source: Some(self.path("")) },
            command: Some(vec!["python".to_owned(), "sir.py".to_owned()]),
            ..RunOptions::default()
        };
        start_run(&settings, &options).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs_err::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path(name)).unwrap()
    }

    /// The names in the folder except `out`, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs_err::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != "out");
        names.sort();
        names
    }

    /// The parts of a table of the run `r`, sorted by path.
    pub(crate) fn parts(&self, table: &str) -> Vec<PathBuf> {
        let mut parts = Vec::new();
        for bucket in fs_err::read_dir(self.path("out/runs/r/tables").join(table)).unwrap() {
            let bucket = bucket.unwrap().path();
            if bucket.is_dir() {
                parts.extend(fs_err::read_dir(bucket).unwrap().map(|entry| entry.unwrap().path()));
            }
        }
        parts.sort();
        parts
    }

    /// Returns the command with these words as arguments, in an empty environment.
    pub(crate) fn crv(&self, arguments: &str) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("crv"));
        command.current_dir(self.folder.path()).env_clear().args(arguments.split_whitespace());
        command
    }

    /// Runs a command that must succeed, and returns its standard output.
    pub(crate) fn ok(&self, arguments: &str) -> String {
        let output = self.crv(arguments).output().unwrap();
        assert!(output.status.success(), "crv {arguments}\n{}", told(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Returns exit code, data and notes of a command, for a snapshot.
    pub(crate) fn told(&self, arguments: &str) -> String {
        told(&self.crv(arguments).output().unwrap())
    }
}

pub(crate) fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut told = format!("exit {}\n", output.status.code().unwrap());
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !bytes.is_empty() {
            told = format!("{told}--- {name}\n{}", text(bytes));
        }
    }
    told
}

/// Compares with the snapshot of the test; times, sizes and random names are masked.
macro_rules! assert_told {
    ($told:expr) => {
        insta::with_settings!({
            filters => vec![
                (r"replaced-\d{8}T\d{6}-[0-9a-f]{8}", "replaced-[time]-[hex]"),
                (r"[0-9a-f]{32}", "[hex]"),
                (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00", "[time]"),
                (r" +\d[\d.]* (B|KiB|MiB)\b", " [size]"),
                (r" +SIZE\b", " SIZE"),
                (r#"("(bytes|byte_size)": )\d+"#, "${1}[size]"),
                (r#"("age_seconds": )[\d.e-]+"#, "${1}[age]"),
                (r"\[size\] +\d+[smhd]\b", "[size] [age]"),
                (r"\d+[smhd] ago", "[age] ago"),
                (r"process +\d+( on \S+)?", "process [pid]"),
                (r#"("pid": )\d+"#, "${1}[pid]"),
                (r"as process \d+", "as process [pid]"),
                (r"\d+\.\d s, \d+ ticks/s", "[seconds] s, [rate] ticks/s"),
                (r#"("seconds": )[\d.e-]+"#, "${1}[seconds]"),
            ],
            omit_expression => true,
        }, {
            insta::assert_snapshot!($told);
        });
    };
}
pub(crate) use assert_told;

pub(crate) fn is_file(path: &Path) -> bool {
    fs_err::metadata(path).is_ok_and(|found| found.is_file())
}
