//! The reliability harness of the run store: it stops machines, fails disks and kills processes, and compares
//! what is left with what writers were told.

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
pub mod workload;
