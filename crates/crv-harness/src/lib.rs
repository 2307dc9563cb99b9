//! The reliability harness of the run store. It crashes simulated machines, injects faults, damages files and kills
//! processes, and compares what is left with what the store acknowledged.
//!
//! # A map
//!
//! - [`disk`]: an in-memory file system that keeps pending and durable state apart. The store runs on it
//!   unchanged: a [`Sim`](disk::Sim) executes the system calls of its
//!   [`LocalStore`](crv_io::store::LocalStore). [`disk::crash`] builds the states that a crash may leave,
//!   [`disk::fault`] makes calls fail.
//! - [`model`]: the transactions of writers and their outcomes, and so the rows that readers must find.
//!   [`machine`]: a disk, its processes, their model. [`workload`]: what the processes do, drawn from a seed.
//!   [`torn`]: a tick that is written in two commits.
//! - [`crashes`], [`interleave`], [`faults`], [`damage`], [`life`]: the experiments on simulated machines. [`judge`]: what
//!   must hold after a crash.
//! - [`plant`]: planted bugs, each of which disables one precaution of the store; [`hunt`] searches for them.
//! - [`process`]: real processes on a real disk: many writers, kills, a full disk.
//! - [`soak`]: all of it, until the limits of a plan are reached.
//!
//! A simulation depends on its seed alone (`crv_io::simulation`). [`Broken`](broken::Broken) names the seed, and
//! `crv-soak part …` reproduces the failure.
//!
//! # What this crate does not do
//!
//! It is not shipped, and uses nothing of the store but its public types, its files and its promises.

pub mod broken;
pub mod crashes;
pub mod damage;
pub mod disk;
pub mod faults;
pub mod hunt;
pub mod interleave;
pub mod judge;
pub mod life;
pub mod machine;
pub mod model;
pub mod plant;
pub mod process;
pub mod rows;
pub mod soak;
pub mod torn;
pub mod workload;
