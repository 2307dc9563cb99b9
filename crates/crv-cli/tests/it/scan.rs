//! `crv scan`: ranges, columns, limits and formats.

use crate::sandbox::{Sandbox, assert_told};

#[test]
fn rows_as_a_table_are_aligned() {
    assert_told!(Sandbox::with_run().told("scan r holdings"));
}

#[test]
fn rows_as_text_formats() {
    let sandbox = Sandbox::with_run();
    let told =
        ["--format csv", "--format ndjson", "--json"].map(|f| sandbox.told(&format!("scan r holdings {f}")));
    assert_told!(told.join("\n"));
}

#[test]
fn both_ends_of_a_tick_range_are_included() {
    let sandbox = Sandbox::with_run();
    let ticks = |range: &str| {
        let text = sandbox.ok(&format!("scan r holdings --columns tick --format csv --ticks {range}"));
        text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ticks("1..3"), "1 3");
    assert_eq!(ticks("3.."), "3 4");
    assert_eq!(ticks("..1"), "0 1");
    assert_eq!(ticks("4"), "4");
    assert_eq!(ticks("2"), "");
}

#[test]
fn columns_come_in_the_order_asked_for() {
    let sandbox = Sandbox::with_run();
    let text = sandbox.ok("scan r holdings --columns quantity,tick --format csv --limit 2");
    assert_eq!(text, "quantity,tick\n10,0\n20,1\n");
}

#[test]
fn a_filter_leaves_rows_out() {
    let sandbox = Sandbox::with_run();
    let ticks = |filter: &str| {
        let output =
            sandbox.crv("scan r holdings --columns tick --format csv --where").arg(filter).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ticks("quantity > 10 and tick < 4"), "1");
    assert_eq!(ticks("tick = 0 or not tick in (0, 1)"), "0 3 4");
    assert_eq!(ticks("quantity is null"), "");
    let refused = ["quantity >", "quantiti > 1", "agent_id = 5", "tick = null"].map(|filter| {
        let output = sandbox.crv("scan r holdings --where").arg(filter).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{filter}");
        String::from_utf8(output.stderr).unwrap()
    });
    assert_told!(refused.join("\n"));
}

#[test]
fn a_table_shows_fifty_rows_unless_told_otherwise() {
    let sandbox = Sandbox::new();
    let rows = "{\"tick\":1,\"agent_id\":\"A\",\"token_id\":\"T\",\"quantity\":1}\n".repeat(51);
    sandbox.write("rows.ndjson", &rows);
    sandbox.ok("append r holdings rows.ndjson");
    let output = sandbox.crv("scan r holdings").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 51);
    let notes = String::from_utf8(output.stderr).unwrap();
    assert_eq!(notes, "the first 50 rows; --limit shows more, --format csv prints all\n");
    assert_eq!(sandbox.ok("scan r holdings --limit 60").lines().count(), 52);
    assert_eq!(sandbox.ok("scan r holdings --json").lines().count(), 51);
    let few = sandbox.crv("scan r holdings --limit 3").output().unwrap();
    assert!(few.stderr.is_empty(), "a limit that the user gave needs no note");
}

#[test]
fn no_rows_still_have_columns() {
    let sandbox = Sandbox::with_run();
    assert_eq!(
        sandbox.ok("scan r holdings --ticks 100..200"),
        "bucket  tick  agent_id  token_id  quantity\n"
    );
    assert_eq!(
        sandbox.ok("scan r holdings --ticks 100..200 --format csv"),
        "bucket,tick,agent_id,token_id,quantity\n"
    );
}
