//! `crv append`: formats, standard input, and one commit for all files.

use crate::sandbox::{HOLDINGS_CSV, Sandbox, assert_told, told};

const ROWS: &str = "bucket,tick,agent_id,token_id,quantity\n0,0,A0,Alpha,10\n0,1,A1,Alpha,20\n0,3,A0,Beta,-5\n\
                    1,4,A1,Beta,7\n";

#[test]
fn an_append_tells_what_it_wrote() {
    let sandbox = Sandbox::new();
    sandbox.write("holdings.csv", HOLDINGS_CSV);
    let verb = "append r holdings holdings.csv --tick-bucket-size 4";
    let told = [verb, &format!("{verb} --json"), &format!("{verb} --quiet")].map(|verb| sandbox.told(verb));
    assert_told!(told.join("\n"));
}

#[test]
fn every_format_carries_the_rows_there_and_back() {
    let sandbox = Sandbox::with_run();
    for format in ["csv", "ndjson", "parquet", "arrow"] {
        sandbox.ok(&format!("scan r holdings -o rows.{format}"));
        sandbox.ok(&format!("append {format} holdings rows.{format} --tick-bucket-size 4"));
        assert_eq!(sandbox.ok(&format!("scan {format} holdings --format csv")), ROWS, "{format}");
        // The same through pipes.
        let bytes = sandbox.crv(&format!("scan r holdings --format {format}")).output().unwrap().stdout;
        let append = format!("append {format}-pipe holdings - --format {format} --tick-bucket-size 4");
        let output = sandbox.crv(&append).write_stdin(bytes).output().unwrap();
        assert!(output.status.success(), "{}", told(&output));
        assert_eq!(sandbox.ok(&format!("scan {format}-pipe holdings --format csv")), ROWS, "{format}");
    }
}

#[test]
fn payloads_of_every_table_survive_every_format() {
    let sandbox = Sandbox::new();
    sandbox.ok("demo --run d --ticks 3 --agents 3");
    for table in ["exchange", "scenarios_seen", "messages", "decisions", "oracle_calls"] {
        let rows = |run: &str| -> Vec<serde_json::Value> {
            let text = sandbox.ok(&format!("scan {run} {table} --format ndjson"));
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        for format in ["csv", "ndjson", "parquet", "arrow"] {
            sandbox.ok(&format!("scan d {table} -o {table}.{format}"));
            sandbox.ok(&format!("append {format} {table} {table}.{format} --validate-rows"));
            assert_eq!(rows(format), rows("d"), "{table} as {format}");
        }
    }
}

#[test]
fn a_part_of_a_run_can_be_appended_to_another() {
    let sandbox = Sandbox::new();
    let message = "{\"tick\":0,\"sender_agent_id\":\"A\",\"channel_name\":\"c\",\"visibility_scope\":\"public\",\
                   \"audience\":{},\"speech_act\":\"say\",\"topic_label\":\"t\",\"claims\":{},\"style\":{}}";
    sandbox.write("messages.ndjson", message);
    sandbox.ok("append r messages messages.ndjson");
    let part = sandbox.parts("messages").pop().unwrap();
    let output = sandbox.crv("append s messages").arg(part).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(sandbox.ok("scan s messages --json"), sandbox.ok("scan r messages --json"));
}

#[test]
fn all_files_are_one_commit() {
    let sandbox = Sandbox::new();
    sandbox.write("a.csv", HOLDINGS_CSV);
    sandbox.write("b.ndjson", "{\"tick\":9,\"agent_id\":\"A\",\"token_id\":\"T\",\"quantity\":1}");
    let report: serde_json::Value =
        serde_json::from_str(&sandbox.ok("append r holdings a.csv b.ndjson --json")).unwrap();
    assert_eq!(report["commit"], 1);
    let rows: Vec<_> = report["tables"].as_array().unwrap().iter().map(|table| &table["rows"]).collect();
    assert_eq!(rows, [4, 1]);
}

#[test]
fn one_bad_file_and_nothing_is_appended() {
    let sandbox = Sandbox::new();
    sandbox.write("good.csv", HOLDINGS_CSV);
    sandbox.write("bad.csv", "tick,agent_id,token_id,quantity\n0,A,T,1\n1,A,T,1.5\n");
    assert_told!(sandbox.told("append r holdings good.csv bad.csv"));
    assert!(sandbox.crv("scan r holdings --json").output().unwrap().stdout.is_empty());
    assert!(!sandbox.path("out/runs/r").exists(), "nothing of the good file is left either");
}

#[test]
fn files_without_rows_write_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("none.ndjson", "\n");
    assert_eq!(
        sandbox.told("append r holdings none.ndjson"),
        "exit 0\n--- stderr\nno rows: nothing was written\n"
    );
    assert_eq!(sandbox.ok("runs -q"), "");
}

#[test]
fn values_are_checked_when_asked() {
    let sandbox = Sandbox::new();
    sandbox.write("edges.csv", "tick,observer_agent_id,edge_kind,edge_weight\n0,A0,self_to_objekt,0.5\n");
    assert_eq!(sandbox.crv("append r identity_edges edges.csv").output().unwrap().status.code(), Some(0));
    assert_told!(sandbox.told("append r identity_edges edges.csv --validate-rows"));
}

#[test]
fn other_columns_are_kept_when_the_schema_is_not_strict() {
    let sandbox = Sandbox::new();
    sandbox.write("more.csv", "tick,agent_id,token_id,quantity,note\n0,A,T,1,007\n");
    assert_told!(sandbox.told("append r holdings more.csv"));
    sandbox.ok("append r holdings more.csv --strict-schema no");
    assert!(sandbox.ok("scan r holdings --format csv").ends_with("note\n0,0,A,T,1,007\n"));
}

#[test]
fn inputs_without_rows_are_checked_for_their_columns() {
    let sandbox = Sandbox::new();
    sandbox.write("header.csv", "tick,agent_id,token_id,quantity\n");
    sandbox.write("row.csv", "0,A0,Alpha,10\n");
    sandbox.write("other.csv", "tick,agent_id,amount\n");
    sandbox.write("none.ndjson", "");
    let told = ["header.csv", "none.ndjson", "row.csv", "other.csv"].map(|file| {
        format!("$ crv append r holdings {file}\n{}", sandbox.told(&format!("append r holdings {file}")))
    });
    assert_told!(told.join("\n"));
    assert!(!sandbox.path("out").exists());
}

/// What NetLogo's BehaviorSpace writes as a table: the runs lie between each other.
const FIRE: &str = "\"BehaviorSpace results (NetLogo 6.4.0)\"\n\"Fire.nlogo\"\n\"burn\"\n\"05/02/2024 10:00:00:000 +0000\"\n\
    \"min-pxcor\",\"max-pxcor\",\"min-pycor\",\"max-pycor\"\n\"-125\",\"125\",\"-125\",\"125\"\n\
    \"[run number]\",\"density\",\"wind?\",\"[step]\",\"burned-trees\",\"(burned-trees / initial-trees) * 100\"\n\
    \"2\",\"60\",\"true\",\"0\",\"0\",\"0\"\n\"1\",\"57\",\"false\",\"0\",\"0\",\"0\"\n\
    \"1\",\"57\",\"false\",\"1\",\"251\",\"0.7\"\n\"2\",\"60\",\"true\",\"1\",\"260\",\"0.75\"\n";

#[test]
fn files_of_many_runs_become_runs() {
    let sandbox = Sandbox::new();
    sandbox.write("fire.csv", FIRE);
    sandbox.write("sheet.csv", &FIRE.replace("[step]", "steps"));
    let frame = FIRE.split_once("\"[run").unwrap().1;
    sandbox.write("frame.csv", &format!("\"[run{frame}"));
    let told = [
        "import behaviorspace fire.csv",
        "runs --columns run_id,state,sweep,density,wind?,rows,tick_max",
        "scan fire-2 model --format csv",
        "import behaviorspace fire.csv",
        "import behaviorspace sheet.csv",
        "import behaviorspace none.csv",
        "import frame frame.csv --run-column run --tick-column [step]",
        "import frame frame.csv --run-column density --tick-column [step] --prefix d --table fire --params wind? --sweep s --json",
        "tables d57",
    ]
    .map(|command| format!("$ crv {command}\n{}", sandbox.told(command)));
    assert_told!(told.join("\n"));
}
