//! Rows of any serializable type, into declared and canonical tables, on each path.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, UInt64Type};
use crv_io::schema::{Field, FieldType};
use crv_io::{ErrorKind, TableId, WriterOptions};
use serde::Serialize;

use crate::support::{RUN, Root};

#[allow(clippy::struct_field_names, reason = "columns of a table")]
#[derive(Serialize)]
struct Agent<'a> {
    tick: u32,
    agent_id: u64,
    x: f64,
    state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<serde_json::Value>,
}

fn agent(tick: u32, agent_id: u64) -> Agent<'static> {
    Agent { tick, agent_id, x: 0.1, state: "ill", more: (tick == 1).then(|| serde_json::json!({"since": 3})) }
}

#[test]
fn records_are_rows_of_a_declared_table_on_every_path() {
    let root = Root::new();
    let dataset = root.open();
    let ty = |name: &str| FieldType::parse(name, name).unwrap();
    let columns = vec![
        Field::nullable("agent_id", ty("u64")),
        Field::nullable("x", ty("f32")),
        Field::nullable("state", ty("str")),
        Field::nullable("more", ty("struct")),
    ];
    let agents = dataset.declare_columns("agents".parse().unwrap(), columns, &["agent_id"]).unwrap().id();
    assert_eq!(dataset.append_records(agents, &[agent(0, u64::MAX), agent(1, 2)]).unwrap().rows, 2);
    let mut transaction = dataset.transaction();
    transaction.append_records(agents, &[agent(2, 3)]).unwrap();
    transaction.commit().unwrap();
    let mut writer = dataset.writer(WriterOptions::default());
    writer.append_records(agents, &[agent(3, 4)]).unwrap();
    writer.close().unwrap();
    let mut found = Vec::new();
    for batch in root.open().scan(agents).unwrap().batches() {
        let batch = batch.unwrap();
        let ids = batch.column_by_name("agent_id").unwrap().as_primitive::<UInt64Type>();
        let x = batch.column_by_name("x").unwrap().as_primitive::<Float32Type>();
        found.extend(ids.values().iter().copied().zip(x.values().iter().copied()));
    }
    assert_eq!(found, [(u64::MAX, 0.1), (2, 0.1), (3, 0.1), (4, 0.1)]);
    let none: [Agent<'_>; 0] = [];
    assert_eq!(dataset.append_records(agents, &none).unwrap().commit, None);
}

#[test]
fn records_that_do_not_fit_name_run_table_and_row() {
    let root = Root::new();
    let dataset = root.open();
    let error = dataset.append_records(TableId::HOLDINGS, &[(1, 2)]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    let told =
        format!("run `{RUN}`, table `holdings`: row 0: the record is a list, and a row has named fields");
    assert_eq!(error.to_string(), told);
    let error = dataset.append_records(TableId::HOLDINGS, &[agent(0, 1)]).unwrap_err();
    assert!(error.to_string().contains("required columns missing: `token_id`, `quantity`"), "{error}");
    assert!(root.files().is_empty());
}
