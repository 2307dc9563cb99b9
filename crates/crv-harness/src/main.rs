//! `crv-soak`.
use crv_harness::{crashes, faults, plant::Bug};
fn main() {
    let a: Vec<String> = std::env::args().skip(1).collect();
    let bug = a.get(3).and_then(|b| Bug::ALL.into_iter().find(|x| format!("{x:?}") == *b));
    if a[0] == "interleave" { for seed in a[1].parse::<u64>().unwrap()..a[2].parse().unwrap() { match crv_harness::interleave::run(seed, bug) { Ok(x) => eprintln!("{x:?}"), Err(e) => eprintln!("{e}") } } return; }
    if a[0] == "hunt" {
        for bug in Bug::ALL {
            if a.get(3).is_some_and(|b| format!("{bug:?}") != *b) {
                continue;
            }
            let start = std::time::Instant::now();
            match crv_harness::hunt::hunt(bug, a[1].parse::<u64>().unwrap()..a[2].parse().unwrap()) {
                Some(found) => eprintln!("{bug:?}: {:?} {found}", start.elapsed()),
                None => eprintln!("{bug:?}: {:?} NOT FOUND", start.elapsed()),
            }
        }
        return;
    }
    if a[0] == "faults" {
        for op in faults::Operation::ALL {
            for seed in a[1].parse::<u64>().unwrap()..a[2].parse().unwrap() {
                match faults::run(op, seed, bug) {
                    Ok(x) => eprintln!("{op:?} {x:?}"),
                    Err(e) => eprintln!("{e}"),
                }
            }
        }
        eprintln!("{:?}", faults::outage(1, bug));
        return;
    }
    let mut t = crashes::Tally::default();
    for seed in a[1].parse::<u64>().unwrap()..a[2].parse().unwrap() {
        match crashes::run(seed, bug, Default::default()) {
            Ok(x) => t += x,
            Err(e) => eprintln!("{e}"),
        }
    }
    eprintln!("{t:?}");
}
