//! `crv-soak`: runs the whole harness until given limits are reached, or one part with given seeds, to reproduce a
//! failure.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports on a terminal")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use crv_harness::faults::Operation;
use crv_harness::plant::Bug;
use crv_harness::process::{child, kills, sweeps, writers};
use crv_harness::{crashes, damage, faults, hunt, interleave, life, soak};

/// Crash machines, inject faults and kill processes, and check that the run store keeps what it acknowledged
#[derive(Debug, Parser)]
#[command(name = "crv-soak", version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run every part until each of the limits is reached
    All {
        /// The first seed
        #[arg(long, default_value_t = 1_000)]
        seed: u64,
        /// Crash states to judge, at least
        #[arg(long, default_value_t = 1_000_000)]
        states: u64,
        /// Processes to kill
        #[arg(long, default_value_t = 10_000)]
        kills: u64,
        /// Minutes to run, at least
        #[arg(long, default_value_t = 15)]
        minutes: u64,
    },
    /// Run one part with a range of seeds
    Part {
        /// Which part
        part: Part,
        /// The first seed
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Number of seeds
        #[arg(long, default_value_t = 1)]
        seeds: u64,
    },
    /// Show which part catches each planted bug
    Planted,
    #[command(hide = true)]
    ChildWrite {
        #[arg(long)]
        root: PathBuf,
        #[arg(long)]
        run: String,
        #[arg(long)]
        first: i64,
        #[arg(long, default_value_t = i64::MAX)]
        commits: i64,
    },
    #[command(hide = true)]
    ChildRead {
        #[arg(long)]
        root: PathBuf,
        #[arg(long)]
        run: String,
    },
    #[command(hide = true)]
    ChildKeep {
        #[arg(long)]
        root: PathBuf,
        #[arg(long)]
        run: String,
        #[arg(long)]
        seed: u64,
    },
    #[command(hide = true)]
    ChildLock {
        #[arg(long)]
        dir: PathBuf,
    },
    #[command(hide = true)]
    ChildSweep {
        #[arg(long)]
        root: PathBuf,
        #[arg(long)]
        run: String,
        #[arg(long)]
        first: i64,
        #[arg(long)]
        seed: u64,
    },
    #[command(hide = true)]
    ChildList {
        #[arg(long)]
        root: PathBuf,
        #[arg(long)]
        run: String,
    },
    #[command(hide = true)]
    ChildFill {
        #[arg(long)]
        root: PathBuf,
        #[arg(long)]
        notes: PathBuf,
        #[arg(long)]
        limited: bool,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Part {
    Crashes,
    TwoProcesses,
    Faults,
    Outage,
    Damage,
    Life,
    Writers,
    Kills,
    Catalogue,
    Full,
}

fn main() -> ExitCode {
    match run(Arguments::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<(), String> {
    match verb {
        Verb::All { seed, states, kills, minutes } => all(seed, states, kills, minutes),
        Verb::Part { part, seed, seeds } => (seed..seed + seeds).try_for_each(|seed| {
            println!("seed {seed}: {}", part.run(seed)?);
            Ok(())
        }),
        Verb::Planted => Bug::ALL.into_iter().try_for_each(|bug| match hunt::hunt(bug, 0..6) {
            Some(found) => {
                println!("{bug}: {found}");
                Ok(())
            }
            None => Err(format!("{bug}: not caught")),
        }),
        Verb::ChildWrite { root, run, first, commits } => child::write(&root, &run, first, commits),
        Verb::ChildRead { root, run } => child::read(&root, &run, u64::MAX),
        Verb::ChildKeep { root, run, seed } => child::keep(&root, &run, seed, u64::MAX),
        Verb::ChildSweep { root, run: _, first, seed } => sweeps::work(&root, first, seed),
        Verb::ChildList { root, run: _ } => sweeps::list(&root),
        Verb::ChildLock { dir } => child::lock(&dir),
        Verb::ChildFill { root, notes, limited } => crv_harness::process::full::fill(&root, &notes, limited),
    }
}

fn all(seed: u64, states: u64, kills: u64, minutes: u64) -> Result<(), String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let place = soak::place(directory.path()).map_err(|error| error.to_string())?;
    let plan = soak::Plan { seed, states, kills, time: Duration::from_secs(minutes * 60), place };
    let shown = std::sync::Mutex::new((0, 0));
    let report = soak::run(&plan, &|report| {
        let Ok(mut shown) = shown.lock() else { return };
        if report.broken.len() > shown.1
            && let Some(newest) = report.broken.last()
        {
            eprintln!("broken: {newest}");
            shown.1 = report.broken.len();
        }
        if report.took.as_secs() / 60 > shown.0 {
            shown.0 = report.took.as_secs() / 60;
            eprintln!(
                "{} min: {} crash states, {} kills, {} broken",
                shown.0,
                report.crashes.states,
                report.kills.kills,
                report.broken.len()
            );
        }
    });
    for (bug, found) in &report.planted {
        match found {
            Some(found) => println!("planted bug, caught by {}: {bug}", found.found_by),
            None => println!("planted bug, not caught: {bug}"),
        }
    }
    println!("\nseeds from {seed}\n{}", report.table());
    let missed = report.planted.iter().any(|(_, found)| found.is_none());
    if report.broken.is_empty() && !missed { Ok(()) } else { Err(report.broken.join("\n")) }
}

impl Part {
    fn run(self, seed: u64) -> Result<String, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let place = soak::place(directory.path()).map_err(|error| error.to_string())?;
        let told = |error: crv_harness::broken::Broken| error.to_string();
        Ok(match self {
            Self::Crashes => {
                format!("{:?}", crashes::run(seed, None, crashes::Effort::default()).map_err(told)?)
            }
            Self::TwoProcesses => format!("{:?}", interleave::run(seed, None).map_err(told)?),
            Self::Faults => {
                let mut tally = faults::Tally::default();
                for operation in Operation::ALL {
                    tally += faults::run(operation, seed, None).map_err(told)?;
                }
                format!("{tally:?}")
            }
            Self::Outage => format!("{:?}", faults::outage(seed, None).map_err(told)?),
            Self::Damage => format!("{:?}", damage::run(seed, None).map_err(told)?),
            Self::Life => format!("{:?}", life::run(seed, None).map_err(told)?),
            Self::Writers => {
                let effort = writers::Effort { writers: 16, commits: 200 };
                format!("{:?}", writers::run(&place, "writers", effort)?)
            }
            Self::Kills => format!("{:?}", kills::run(&place, seed, 200)?),
            Self::Catalogue => format!("{:?}", sweeps::run(&place, seed, 20)?),
            Self::Full => format!("{:?}", crv_harness::process::full::run(&place)?),
        })
    }
}
