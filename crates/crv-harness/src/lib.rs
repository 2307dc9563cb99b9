//! The reliability harness of the run store: it stops machines, fails disks, damages files and kills processes, and
//! compares what is left with what writers were told.
//!
//! # A map
//!
//! - [`disk`]: a file system in memory that keeps what is pending apart from what is durable. The store runs on it
//!   as it is: a [`Sim`](disk::Sim) makes the system calls of its
//!   [`LocalStore`](crv_io::store::LocalStore). [`disk::crash`] tells what a crash may leave, [`disk::fault`]
//!   makes calls fail.
//! - [`model`]: what writers were told, and so what readers must find. [`machine`]: a disk, its processes, their
//!   model. [`workload`]: what the processes do, drawn from a seed. [`torn`]: a tick that is written in two commits.
//! - [`crashes`], [`interleave`], [`faults`], [`damage`]: what is tried on simulated machines. [`judge`]: what must
//!   hold after a crash.
//! - [`plant`]: bugs, each a precaution of the store undone; [`hunt`] looks for them.
//! - [`process`]: real processes on a real disk: many writers, kills, a disk that is full.
//! - [`soak`]: all of it, for as long as one likes.
//!
//! Whatever is simulated is told by its seed alone (`crv_io::simulation`): [`Broken`](broken::Broken) says which,
//! and `crv-soak part …` shows it again.
//!
//! # What this crate does not do
//!
//! It is no part of what is shipped, and knows of the store only what everybody may know: its public types, its
//! files and its promises.

pub mod broken;
pub mod crashes;
pub mod damage;
pub mod disk;
pub mod faults;
pub mod hunt;
pub mod interleave;
pub mod judge;
pub mod machine;
pub mod model;
pub mod plant;
pub mod process;
pub mod rows;
pub mod soak;
pub mod torn;
pub mod workload;
