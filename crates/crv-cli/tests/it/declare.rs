//! `crv declare`, appends to declared tables, and `crv truncate`.

use crate::sandbox::{Sandbox, assert_told};

#[test]
fn a_table_is_declared_filled_shown_and_cut() {
    let sandbox = Sandbox::new();
    sandbox.write("agents.csv", "tick,agent_id,wealth,path\n0,1,0.5,\"[1,2]\"\n5,2,,\n101,3,7,[]\n");
    sandbox
        .write("model.ndjson", "{\"tick\":0,\"gini\":0.5}\n{\"tick\":101,\"gini\":1,\"step\":{\"n\":3}}\n");
    let told = [
        "declare r agents agent_id=i64 wealth=f32 path=list[u8] --required agent_id",
        "append r agents agents.csv",
        "scan r agents --format csv",
        "declare r agents agent_id=i64 wealth=f32 path=list[u8] mood=str --required agent_id",
        "show r agents --columns",
        "show r agents --columns --json",
        "append r model model.ndjson --declare",
        "scan r model",
        "tables r",
        "truncate r --after 4",
        "truncate r --after 4",
        "truncate r --after 3 --json",
        "scan r agents --format csv",
        "declare r llm_calls",
        "check r --deep",
    ]
    .map(|verb| sandbox.told(verb));
    assert_told!(told.join("\n"));
}

#[test]
fn errors_of_declarations() {
    let sandbox = Sandbox::new();
    sandbox.write("agents.csv", "tick,agent_id\n0,1\n");
    sandbox.write("agents.ndjson", "{\"tick\":0,\"agent_id\":1,\"mood\":\"x\"}\n");
    sandbox.ok("declare r agents agent_id=i64");
    let told = [
        "declare r agents agent_id=i32",
        "declare r holdings x=f64",
        "declare r Agents x=f64",
        "declare r agents",
        "declare r flocks",
        "declare r llm_call",
        "declare r flocks x",
        "declare r flocks x=float",
        "declare r flocks x=f64 --required y",
        "append r agent agents.csv",
        "append r agents agents.ndjson",
        "append r flocks agents.csv --declare",
        "scan r agent",
        "truncate r --after -2",
        "truncate x --after 3",
        "truncate r",
    ]
    .map(|verb| sandbox.told(verb));
    assert_told!(told.join("\n"));
    sandbox.ok("append r agents agents.ndjson --declare");
    assert_eq!(sandbox.ok("scan r agents --format csv"), "bucket,tick,agent_id,mood\n0,0,1,x\n");
}
